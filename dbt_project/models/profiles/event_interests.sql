{# Kept apart from what is published: its last bits depend on the order in which events came. #}
{{ config(materialized='per_customer', schema='kept') }}

with

touched_events as (

    select * from {{ ref('touched_events') }}

),

products as (

    select * from {{ ref('products') }}

),

weights as (

    select * from {{ ref('interest_weights') }}

),

signals as (

    select
        touched_events.customer_id,
        touched_events.occurred_at,
        weights.weight,
        weights.half_life_days,
        coalesce(touched_events.category, products.category) as category,
        products.brand
    from touched_events
    inner join weights on touched_events.event_type = weights.signal
    left join products on touched_events.product_id = products.product_id
    where touched_events.event_type in ('product_view', 'add_to_cart') and not touched_events.is_bot

),

last_signals as (

    select
        customer_id,
        max(occurred_at) as last_signal_at
    from signals
    group by customer_id

),

-- counted at the person's last signal, no weight is more than itself, and its size does not change as time passes:
-- nobody needs to be looked at because of that, and no sum grows too large for a number
counted as (

    select
        signals.customer_id,
        signals.category,
        signals.brand,
        signals.half_life_days,
        last_signals.last_signal_at,
        signals.weight
        * {{ remaining('last_signals.last_signal_at - signals.occurred_at', 'signals.half_life_days') }} as score
    from signals
    inner join last_signals on signals.customer_id = last_signals.customer_id

),

per_customer as (

    select
        customer_id,
        'category' as dimension,
        category as value,
        half_life_days,
        last_signal_at,
        fsum(score) as score_then
    from counted
    where category is not null
    group by customer_id, category, half_life_days, last_signal_at
    union all
    select
        customer_id,
        'brand',
        brand,
        half_life_days,
        last_signal_at,
        fsum(score)
    from counted
    where brand is not null
    group by customer_id, brand, half_life_days, last_signal_at

),

event_interests as (

    select * from per_customer

)

select * from event_interests
