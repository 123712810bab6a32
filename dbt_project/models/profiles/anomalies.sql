{{ config(materialized='refreshed') }}

with

event_anomalies as (

    select * from {{ ref('event_anomalies') }}

),

anomaly_rules as (

    select * from {{ ref('anomaly_rules') }}

),

customer_orders as (

    select
        customer_id,
        ordered_at,
        cast(revenue_amount as double) as revenue_amount,
        ordered_at > {{ as_of() }} - interval 30 day as is_recent
    from {{ ref('customer_orders') }}
    where is_revenue

),

usual as (

    select
        customer_id,
        count(*) as orders_count,
        median(revenue_amount) as median_amount,
        mad(revenue_amount) as mad_amount
    from customer_orders
    where not is_recent
    group by customer_id

),

-- no order differs from the others by less than a quarter of the median
spends as (

    select
        customer_orders.customer_id,
        customer_orders.revenue_amount,
        customer_orders.ordered_at,
        usual.orders_count,
        usual.median_amount,
        0.6745 * (customer_orders.revenue_amount - usual.median_amount)
        / nullif(greatest(usual.mad_amount, usual.median_amount / 4), 0) as z
    from customer_orders
    inner join usual on customer_orders.customer_id = usual.customer_id
    where customer_orders.is_recent

),

spend_anomalies as (

    select
        spends.customer_id,
        'sudden_spend' as kind,
        max(spends.revenue_amount) as figure,
        any_value(spends.orders_count) as repeats,
        any_value(spends.median_amount) as usual_figure,
        min(spends.ordered_at) as since_at
    from spends
    inner join anomaly_rules on anomaly_rules.kind = 'sudden_spend'
    where spends.z >= anomaly_rules.bar and spends.orders_count >= anomaly_rules.history_floor
    group by spends.customer_id

),

found as (

    select
        customer_id,
        kind,
        figure,
        repeats,
        usual_figure,
        since_at
    from event_anomalies
    union all by name
    select * from spend_anomalies

),

anomalies as (

    select
        customer_id,
        kind,
        case kind
            when 'crawler' then format('the user agent of {} events is a crawler''s', repeats)
            when 'inhuman_rate' then format('{:.0f} events in a minute, and {} minutes as fast', figure, repeats)
            when 'never_sleeps' then format('active in {:.0f} hours of a day, and on {} such days', figure, repeats)
            when 'shared_account'
                then format('{:.0f} devices on one account at once, on {} days', figure, repeats)
            when 'sudden_activity'
                then format('{:.0f} events in a day, {:.1f} are usual over {} days', figure, usual_figure, repeats)
            when 'sudden_spend'
                then format('an order of {:.2f}, where {:.2f} is usual over {} orders', figure, usual_figure, repeats)
        end as reason,
        figure,
        usual_figure,
        since_at
    from found

)

select * from anomalies
