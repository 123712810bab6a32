{{ config(materialized='refreshed') }}

with

event_interests as (

    select * from {{ ref('event_interests') }}

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
    where signal = 'purchase'

),

purchases as (

    select
        customer_orders.customer_id,
        products.category,
        products.brand,
        weights.weight
        * {{ remaining(day_end() ~ ' - customer_orders.ordered_at', 'weights.half_life_days') }} as score
    from customer_orders
    inner join order_lines on customer_orders.order_id = order_lines.order_id
    inner join products on order_lines.product_id = products.product_id
    cross join weights
    where customer_orders.is_revenue

),

-- what events came to at the last of them, decayed since then
decayed as (

    select
        customer_id,
        dimension,
        value,
        score_then * {{ remaining(day_end() ~ ' - last_signal_at', 'half_life_days') }} as score
    from event_interests
    union all
    select
        customer_id,
        'category',
        category,
        score
    from purchases
    where category is not null
    union all
    select
        customer_id,
        'brand',
        brand,
        score
    from purchases
    where brand is not null

),

interests as (

    select
        customer_id,
        dimension,
        value,
        fsum(score) as score
    from decayed
    group by customer_id, dimension, value

)

-- the last bits of a sum depend on the order in which rows are added: they are cut off
select
    customer_id,
    dimension,
    value,
    round(score, 9) as score
from interests
