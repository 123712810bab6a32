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

-- a signal counts half after each half-life. Counted from a fixed anchor its size never changes, so that nobody
-- needs to be looked at because time has passed: weight * 2^((moment - anchor) / half-life)
anchored as (

    select
        customer_id,
        category,
        brand,
        half_life_days,
        weight * pow(2.0, epoch(occurred_at - {{ anchored_at() }}) / 86400.0 / half_life_days) as anchored_score
    from signals

),

event_interests as (

    select
        customer_id,
        'category' as dimension,
        category as value,
        half_life_days,
        fsum(anchored_score) as anchored_score
    from anchored
    where category is not null
    group by customer_id, category, half_life_days
    union all
    select
        customer_id,
        'brand',
        brand,
        half_life_days,
        fsum(anchored_score)
    from anchored
    where brand is not null
    group by customer_id, brand, half_life_days

)

select * from event_interests
