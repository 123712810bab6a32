{{ config(materialized='per_customer') }}

with

touched_events as (

    select * from {{ ref('touched_events') }}

),

event_blocks as (

    select event_blocks.*
    from {{ ref('event_blocks') }} as event_blocks
    semi join {{ ref('touched') }} as touched on event_blocks.customer_id = touched.customer_id

),

sessions as (

    select sessions.*
    from {{ ref('sessions') }} as sessions
    semi join {{ ref('touched') }} as touched on sessions.customer_id = touched.customer_id

),

event_facts as (

    select
        customer_id,
        max(occurred_at) as last_event_at,
        max(occurred_at) filter (where not is_bot) as last_human_event_at,
        count(*) filter (where occurred_at > {{ as_of() }} - interval 30 day) as events_30d_count,
        count(*) filter (
            where event_type = 'product_view' and occurred_at > {{ as_of() }} - interval 7 day
        ) as product_views_7d_count,
        max(occurred_at) filter (where event_type = 'add_to_cart') as last_cart_at,
        max(occurred_at) filter (where event_type = 'purchase') as last_purchase_at,
        bool_or(is_bot) as is_bot
    from touched_events
    group by customer_id

),

-- the platform of most events; the first by name where two are level
devices as (

    select
        customer_id,
        platform as primary_device
    from event_blocks
    where platform is not null
    group by customer_id, platform
    qualify row_number() over (partition by customer_id order by sum(events_count) desc, platform asc) = 1

),

session_facts as (

    select
        customer_id,
        count(*) filter (where started_at > {{ as_of() }} - interval 30 day) as sessions_30d_count
    from sessions
    group by customer_id

),

per_customer as (

    select
        event_facts.*,
        coalesce(session_facts.sessions_30d_count, 0) as sessions_30d_count,
        devices.primary_device
    from event_facts
    left join session_facts on event_facts.customer_id = session_facts.customer_id
    left join devices on event_facts.customer_id = devices.customer_id

),

customer_activity as (

    select * from per_customer

)

select * from customer_activity
