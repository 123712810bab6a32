{{ config(materialized='per_customer') }}

with

touched_events as (

    select * from {{ ref('touched_events') }}

),

-- a gap of more than 30 minutes starts a new session
marked as (

    select
        *,
        coalesce(
            occurred_at - lag(occurred_at) over (
                partition by customer_id order by occurred_at, event_id
            ) > interval 30 minute,
            true
        ) as is_start
    from touched_events

),

numbered as (

    select
        *,
        count(*) filter (where is_start) over (
            partition by customer_id order by occurred_at, event_id
            rows between unbounded preceding and current row
        ) as session_number
    from marked

),

sessions as (

    select
        customer_id || ':' || strftime(min(occurred_at), '%Y%m%dT%H%M%S.%f') as session_id,
        customer_id,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at,
        count(*) as events_count,
        arg_min(page, (occurred_at, event_id)) as entry_page,
        count(*) = 1 as is_bounce,
        count(*) filter (where event_type = 'product_view') as product_views_count,
        bool_or(event_type = 'purchase') as has_purchase,
        bool_or(is_bot) as is_bot,
        arg_min(
            {
                'source': coalesce(utm_source, referrer_domain),
                'medium': utm_medium,
                'campaign': utm_campaign
            },
            (occurred_at, event_id)
        ) filter (where utm_source is not null or referrer_domain is not null) as came_from
    from numbered
    group by customer_id, session_number

),

-- what the first event that says where the visit comes from says of it
attributed as (

    select
        * exclude (came_from),
        struct_extract(came_from, 'source') as source,
        struct_extract(came_from, 'medium') as medium,
        struct_extract(came_from, 'campaign') as campaign
    from sessions

)

select * from attributed
