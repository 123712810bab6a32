with

customer_orders as (

    select * from {{ ref('customer_orders') }}

),

order_discounts as (

    select * from {{ ref('order_discounts') }}

),

-- only orders that held: a cancelled bargain says nothing about prices that people pay
discounted as (

    select
        customer_orders.customer_id,
        customer_orders.ordered_at,
        coalesce(order_discounts.discount_amount > 0, false) as is_discounted,
        order_discounts.promotion_code is not null as has_promotion,
        coalesce(order_discounts.discount_amount, 0) as discount_amount
    from customer_orders
    left join order_discounts on customer_orders.order_id = order_discounts.order_id
    where customer_orders.is_revenue

),

customer_promotions as (

    select
        customer_id,
        count(*) filter (where has_promotion) as orders_with_promotion_count,
        count(*) filter (where is_discounted) / count(*) as discounted_orders_share,
        cast(sum(discount_amount) as decimal(18, 2)) as discount_total_amount,
        max(ordered_at) filter (where has_promotion) as last_promotion_used_at
    from discounted
    group by customer_id

)

select * from customer_promotions
