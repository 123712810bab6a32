{{ config(materialized='per_customer') }}

with

touched_events as (

    select * from {{ ref('touched_events') }}

),

anomaly_rules as (

    select * from {{ ref('anomaly_rules') }}

),

-- a page that reports that it is still open is nobody's doing
recent_events as (

    select * from touched_events
    where
        occurred_at > {{ as_of() }} - interval 30 day
        and event_type is distinct from 'page_ping'

),

crawlers as (

    select
        customer_id,
        'crawler' as kind,
        count(*) as figure,
        count(*) as repeats,
        min(occurred_at) as since_at
    from touched_events
    where is_bot
    group by customer_id

),

minutes as (

    select
        customer_id,
        date_trunc('minute', occurred_at) as minute_at,
        count(*) as events_count
    from recent_events
    group by customer_id, minute_at

),

fast as (

    select
        minutes.customer_id,
        'inhuman_rate' as kind,
        max(minutes.events_count) as figure,
        count(*) as repeats,
        min(minutes.minute_at) as since_at
    from minutes
    inner join anomaly_rules on anomaly_rules.kind = 'inhuman_rate' and minutes.events_count >= anomaly_rules.bar
    group by minutes.customer_id

),

days as (

    select
        customer_id,
        date_trunc('day', minute_at) as day_at,
        count(distinct date_trunc('hour', minute_at)) as hours_count
    from minutes
    group by customer_id, day_at

),

sleepless as (

    select
        days.customer_id,
        'never_sleeps' as kind,
        max(days.hours_count) as figure,
        count(*) as repeats,
        min(days.day_at) as since_at
    from days
    inner join anomaly_rules on anomaly_rules.kind = 'never_sleeps' and days.hours_count >= anomaly_rules.bar
    group by days.customer_id

),

-- from the first to the last event of a device on an account within an hour of the clock
stays as (

    select
        customer_id,
        user_number,
        device_number,
        date_trunc('hour', occurred_at) as hour_at,
        min(occurred_at) as began_at,
        max(occurred_at) as ended_at
    from recent_events
    where user_number is not null and device_number is not null
    group by customer_id, user_number, device_number, hour_at

),

-- one event is no stay: cookies that change with every page never overlap
turns as (

    select
        customer_id,
        user_number,
        hour_at,
        began_at as turned_at,
        1 as change
    from stays
    where began_at < ended_at
    union all
    select
        customer_id,
        user_number,
        hour_at,
        ended_at as turned_at,
        -1 as change
    from stays
    where began_at < ended_at

),

-- at one moment who leaves goes before who comes
open_at_once as (

    select
        customer_id,
        date_trunc('day', hour_at) as day_at,
        sum(change) over (
            partition by customer_id, user_number, hour_at order by turned_at, change
            rows between unbounded preceding and current row
        ) as devices_count
    from turns

),

shared as (

    select
        open_at_once.customer_id,
        'shared_account' as kind,
        max(open_at_once.devices_count) as figure,
        count(distinct open_at_once.day_at) as repeats,
        min(open_at_once.day_at) as since_at
    from open_at_once
    inner join anomaly_rules
        on anomaly_rules.kind = 'shared_account' and open_at_once.devices_count >= anomaly_rules.bar
    group by open_at_once.customer_id

),

repeated as (

    select * from crawlers
    union all by name
    select * from fast
    union all by name
    select * from sleepless
    union all by name
    select * from shared

),

-- days (UTC) with an event; the day in which the past week began counts with the part on either side
active_days as (

    select
        customer_id,
        occurred_at > {{ as_of() }} - interval 7 day as is_recent,
        date_trunc('day', occurred_at) as day_at,
        count(*) as events_count
    from touched_events
    where event_type is distinct from 'page_ping'
    group by customer_id, is_recent, day_at

),

busiest as (

    select
        active_days.customer_id,
        max(active_days.events_count) as events_count,
        arg_max(active_days.day_at, (active_days.events_count, active_days.day_at)) as day_at
    from active_days
    inner join anomaly_rules on anomaly_rules.kind = 'sudden_activity'
    where active_days.is_recent
    group by active_days.customer_id, anomaly_rules.least
    having max(active_days.events_count) >= anomaly_rules.least

),

usual as (

    select
        active_days.customer_id,
        count(*) as days_count,
        median(active_days.events_count) as median_count,
        mad(active_days.events_count) as mad_count
    from active_days
    semi join busiest on active_days.customer_id = busiest.customer_id
    where not active_days.is_recent
    group by active_days.customer_id

),

-- no day differs from the others by less than an event or a quarter of the median
sudden as (

    select
        busiest.customer_id,
        'sudden_activity' as kind,
        busiest.events_count as figure,
        busiest.day_at as since_at,
        usual.median_count as usual_figure,
        usual.days_count,
        0.6745 * (busiest.events_count - usual.median_count)
        / greatest(usual.mad_count, usual.median_count / 4, 1) as z
    from busiest
    inner join usual on busiest.customer_id = usual.customer_id

),

per_customer as (

    select
        repeated.customer_id,
        repeated.kind,
        cast(repeated.figure as double) as figure,
        cast(repeated.repeats as bigint) as repeats,
        cast(null as double) as usual_figure,
        repeated.since_at
    from repeated
    inner join anomaly_rules on repeated.kind = anomaly_rules.kind
    where repeated.repeats >= anomaly_rules.repeats
    union all
    select
        sudden.customer_id,
        sudden.kind,
        cast(sudden.figure as double) as figure,
        cast(sudden.days_count as bigint) as repeats,
        sudden.usual_figure,
        sudden.since_at
    from sudden
    inner join anomaly_rules on sudden.kind = anomaly_rules.kind
    where sudden.z >= anomaly_rules.bar and sudden.days_count >= anomaly_rules.history_floor

),

event_anomalies as (

    select * from per_customer

)

select * from event_anomalies
