with

products as (

    select * from {{ ref('products') }}

),

customer_orders as (

    select * from {{ ref('customer_orders') }}
    where is_revenue

),

order_lines as (

    select * from {{ ref('order_lines') }}

),

customer_promotions as (

    select * from {{ ref('customer_promotions') }}

),

-- of a category the share that is cheaper, and half of what costs the same, the product itself among them
product_percentiles as (

    select
        product_id,
        (
            rank() over (partition by category order by price_amount) - 1
            + count(*) over (partition by category, price_amount) / 2
        ) / count(*) over (partition by category) as price_percentile
    from products
    where category is not null and price_amount is not null

),

orders as (

    select
        customer_id,
        count(*) as orders_count
    from customer_orders
    group by customer_id

),

bought as (

    select
        customer_orders.customer_id,
        avg(product_percentiles.price_percentile) as mean_price_percentile
    from customer_orders
    inner join order_lines on customer_orders.order_id = order_lines.order_id
    inner join product_percentiles on order_lines.product_id = product_percentiles.product_id
    group by customer_orders.customer_id

),

-- the last bits of a mean depend on the order in which rows are added: they are cut off
customer_prices as (

    select
        orders.customer_id,
        round(bought.mean_price_percentile, 9) as mean_price_percentile,
        case
            when orders.orders_count >= 2
                then round((customer_promotions.discounted_orders_share + 1 - bought.mean_price_percentile) / 2, 9)
        end as price_sensitivity
    from orders
    left join bought on orders.customer_id = bought.customer_id
    left join customer_promotions on orders.customer_id = customer_promotions.customer_id

)

select * from customer_prices
