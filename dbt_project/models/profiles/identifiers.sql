with

customer_ids as (

    select * from {{ ref('customer_ids') }}

)

select
    identifier_type,
    identifier_hash,
    customer_id,
    first_seen_at
from customer_ids
