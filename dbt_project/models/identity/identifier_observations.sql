with

contacts as (

    select * from {{ ref('contacts') }}

),

orders as (

    select * from {{ ref('orders') }}

),

event_identifiers as (

    select * from {{ ref('event_identifiers') }}

),

-- what stood together in one record, and when that was first seen
together as (

    select
        user_id,
        email_hash,
        cast(null as varchar) as device_id,
        cast(null as varchar) as anonymous_id,
        min(created_at) as first_seen_at
    from contacts
    group by user_id, email_hash
    union all
    select
        user_id,
        email_hash,
        null,
        null,
        min(ordered_at)
    from orders
    group by user_id, email_hash
    union all
    select
        user_id,
        null,
        device_id,
        anonymous_id,
        min(first_seen_at)
    from event_identifiers
    group by user_id, device_id, anonymous_id

)

select
    user_id,
    email_hash,
    device_id,
    anonymous_id,
    min(first_seen_at) as first_seen_at
from together
group by user_id, email_hash, device_id, anonymous_id
