with

events as (

    select * from {{ ref('events') }}

),

customer_ids as (

    select * from {{ ref('customer_ids') }}

),

-- whoever is logged in did it; else the person whose device it is
owned as (

    select
        coalesce(users.customer_id, devices.customer_id, browsers.customer_id) as customer_id,
        events.*
    from events
    left join customer_ids as users
        on users.identifier_type = 'user_id' and events.user_id = users.identifier_key
    left join customer_ids as devices
        on devices.identifier_type = 'device_id' and events.device_id = devices.identifier_key
    left join customer_ids as browsers
        on browsers.identifier_type = 'anonymous_id' and events.anonymous_id = browsers.identifier_key

)

select * from owned
where customer_id is not null
