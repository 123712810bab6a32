with

customer_events as (

    select * from {{ ref('customer_events') }}

),

customer_orders as (

    select * from {{ ref('customer_orders') }}

),

order_lines as (

    select * from {{ ref('order_lines') }}

),

products as (

    select * from {{ ref('products') }}

),

weights as (

    select * from {{ ref('interest_weights') }}

),

signals as (

    select
        customer_id,
        event_type as signal,
        product_id,
        category,
        occurred_at
    from customer_events
    where event_type in ('product_view', 'add_to_cart') and not is_bot
    union all
    select
        customer_orders.customer_id,
        'purchase',
        order_lines.product_id,
        null,
        customer_orders.ordered_at
    from customer_orders
    inner join order_lines on customer_orders.order_id = order_lines.order_id
    where customer_orders.is_revenue

),

described as (

    select
        signals.customer_id,
        signals.occurred_at,
        weights.weight,
        weights.half_life_days,
        coalesce(signals.category, products.category) as category,
        products.brand
    from signals
    inner join weights on signals.signal = weights.signal
    left join products on signals.product_id = products.product_id

),

-- a signal counts half after each half-life: weight * 2^(-age / half-life)
decayed as (

    select
        customer_id,
        category,
        brand,
        weight * pow(2.0, -epoch({{ as_of() }} - occurred_at) / 86400.0 / half_life_days) as score
    from described

),

interests as (

    select
        customer_id,
        'category' as dimension,
        category as value,
        fsum(score) as score
    from decayed
    where category is not null
    group by customer_id, category
    union all
    select
        customer_id,
        'brand',
        brand,
        fsum(score)
    from decayed
    where brand is not null
    group by customer_id, brand

)

-- the last bits of a sum depend on the order in which rows are added: they are cut off
select
    customer_id,
    dimension,
    value,
    round(score, 9) as score
from interests
