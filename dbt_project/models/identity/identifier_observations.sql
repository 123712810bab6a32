with

contacts as (

    select * from {{ ref('contacts') }}

),

orders as (

    select * from {{ ref('orders') }}

),

loyalty as (

    select * from {{ ref('loyalty') }}

),

event_identifiers as (

    select * from {{ ref('event_identifiers') }}

),

unioned as (

    select
        user_id,
        email_hash as email,
        phone_hash as phone,
        created_at as seen_at
    from contacts
    union all by name
    select
        user_id,
        email_hash as email,
        ordered_at as seen_at
    from orders
    union all by name
    select
        user_id,
        email_hash as email,
        loyalty_number,
        joined_at as seen_at
    from loyalty
    union all by name
    select
        user_id,
        device_id,
        anonymous_id,
        first_seen_at as seen_at
    from event_identifiers

),

-- what stood together in one record, and when that was first seen
together as (

    select
        user_id,
        email,
        loyalty_number,
        phone,
        device_id,
        anonymous_id,
        min(seen_at) as first_seen_at
    from unioned
    group by user_id, email, loyalty_number, phone, device_id, anonymous_id

)

select
    row_number() over (
        order by first_seen_at, user_id, email, loyalty_number, phone, device_id, anonymous_id
    ) as observation_number,
    user_id,
    email,
    loyalty_number,
    phone,
    device_id,
    anonymous_id,
    first_seen_at
from together
