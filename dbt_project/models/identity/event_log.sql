{{ config(materialized='log') }}

with

events as (

    select * from {{ ref('events') }}

),

known as (

    select * from {{ ref('known_identifiers') }}

),

-- whoever is logged in did it; else the person whose device it is. Identifiers are numbers here, and an event is known
-- by a hash of its id: the texts stay in raw
owned as (

    select
        coalesce(users.identifier_number, devices.identifier_number, browsers.identifier_number) as identifier_number,
        users.identifier_number as user_number,
        coalesce(devices.identifier_number, browsers.identifier_number) as device_number,
        hash(events.event_id) as event_hash,
        events.* exclude (event_id, user_id, device_id, anonymous_id),
        {{ run_number() }} as run_number
    from events
    left join known as users
        on users.identifier_type = 'user_id' and events.user_id = users.identifier_key
    left join known as devices
        on devices.identifier_type = 'device_id' and events.device_id = devices.identifier_key
    left join known as browsers
        on browsers.identifier_type = 'anonymous_id' and events.anonymous_id = browsers.identifier_key

)

select * from owned
