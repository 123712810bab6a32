with

products as (

    select * from {{ ref('products') }}

),

stock as (

    select * from {{ ref('stock') }}

),

-- of a product that no catalogue names, what is said of it where it is looked at
seen as (

    select
        product_id,
        max(category) as category,
        min(occurred_at) as first_seen_at
    from {{ ref('event_log') }}
    where
        product_id is not null
        and event_type in ('product_view', 'add_to_cart', 'purchase')
        and occurred_at > {{ as_of() }} - interval 180 day
    group by product_id

),

-- and what was paid for it last
sold as (

    select
        order_lines.product_id,
        min(customer_orders.ordered_at) as first_seen_at,
        arg_max(
            order_lines.unit_price_amount,
            (customer_orders.ordered_at, order_lines.order_id, order_lines.line_number)
        ) as price_amount
    from {{ ref('order_lines') }} as order_lines
    inner join {{ ref('customer_orders') }} as customer_orders on order_lines.order_id = customer_orders.order_id
    where
        order_lines.product_id is not null
        and customer_orders.is_revenue
        and customer_orders.ordered_at > {{ as_of() }} - interval 180 day
    group by order_lines.product_id

),

known as (

    select product_id from products
    union
    select product_id from seen
    union
    select product_id from sold

),

delivered as (

    select count(*) > 0 as is_any from products

),

described as (

    select
        known.product_id,
        coalesce(products.category, seen.category) as category,
        products.brand,
        products.name,
        cast(coalesce(products.price_amount, sold.price_amount) as double) as price_amount,
        -- who sends no catalogue has on sale whatever is looked at or bought, and who counts no stock has everything
        (products.product_id is not null or not delivered.is_any)
        and coalesce(stock.stock_count, 1) > 0 as is_available,
        least(seen.first_seen_at, sold.first_seen_at, products.updated_at) as first_seen_at
    from known
    cross join delivered
    left join products on known.product_id = products.product_id
    left join stock on known.product_id = stock.product_id
    left join seen on known.product_id = seen.product_id
    left join sold on known.product_id = sold.product_id

),

catalogue as (

    select
        cast(row_number() over (order by product_id) - 1 as integer) as product_number,
        product_id,
        category,
        brand,
        name,
        price_amount,
        is_available,
        first_seen_at
    from described

)

select * from catalogue
