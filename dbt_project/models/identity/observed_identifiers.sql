with

observations as (

    select * from {{ ref('identifier_observations') }}

),

observed as (

    unpivot observations
    on user_id, email, loyalty_number, phone, device_id, anonymous_id
    into name identifier_type value identifier_key

)

select
    observation_number,
    identifier_type,
    identifier_key,
    first_seen_at
from observed
