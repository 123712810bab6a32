with

customer_ids as (

    select * from {{ ref('customer_ids') }}

),

published_before as (

    select * from {{ source('durable', 'customer_ids') }}

)

select
    customer_ids.identifier_type,
    customer_ids.identifier_hash,
    customer_ids.customer_id,
    customer_ids.first_seen_at,
    coalesce(
        published_before.minted_id,
        case when customer_ids.is_new_anchor then customer_ids.customer_id end
    ) as minted_customer_id
from customer_ids
left join published_before
    on
        customer_ids.identifier_type = published_before.identifier_type
        and customer_ids.identifier_hash = published_before.identifier_hash
