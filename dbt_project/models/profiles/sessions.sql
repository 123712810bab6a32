{{ config(materialized='per_customer') }}

with

touched_events as (

    select * from {{ ref('touched_events') }}

),

-- within half an hour by the clock no two events lie more than 30 minutes apart: they are of one session. Counted
-- first, a window has to sort a sixth of the rows
half_hours as (

    select
        customer_id,
        time_bucket(interval 30 minute, occurred_at) as half_hour_at,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at,
        count(*) as events_count,
        arg_min(page, (occurred_at, event_hash)) as entry_page,
        count(*) filter (where event_type = 'product_view') as product_views_count,
        bool_or(event_type = 'purchase') as has_purchase,
        bool_or(is_bot) as is_bot,
        arg_min(
            {
                'source': coalesce(utm_source, referrer_domain),
                'medium': utm_medium,
                'campaign': utm_campaign
            },
            (occurred_at, event_hash)
        ) filter (where utm_source is not null or referrer_domain is not null) as came_from
    from touched_events
    group by customer_id, half_hour_at

),

-- a gap of more than 30 minutes starts a new session
marked as (

    select
        *,
        coalesce(
            first_at - lag(last_at) over (partition by customer_id order by half_hour_at) > interval 30 minute,
            true
        ) as is_start
    from half_hours

),

numbered as (

    select
        *,
        count(*) filter (where is_start) over (
            partition by customer_id order by half_hour_at
            rows between unbounded preceding and current row
        ) as session_number
    from marked

),

-- what the first event that says where the visit comes from says of it
per_customer as (

    select
        customer_id,
        min(first_at) as started_at,
        max(last_at) as ended_at,
        sum(events_count) as events_count,
        arg_min(entry_page, half_hour_at) as entry_page,
        sum(events_count) = 1 as is_bounce,
        sum(product_views_count) as product_views_count,
        bool_or(has_purchase) as has_purchase,
        bool_or(is_bot) as is_bot,
        arg_min(came_from, half_hour_at) as came_from
    from numbered
    group by customer_id, session_number

),

sessions as (

    select
        * exclude (came_from),
        customer_id || ':' || strftime(started_at, '%Y%m%dT%H%M%S.%f') as session_id,
        struct_extract(came_from, 'source') as source,
        struct_extract(came_from, 'medium') as medium,
        struct_extract(came_from, 'campaign') as campaign
    from per_customer

)

select * from sessions
