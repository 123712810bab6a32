with

customers as (

    select * from {{ ref('customers') }}

),

price_sensitive as (

    select customer_id
    from customers
    where
        orders_count >= {{ threshold('orders') }}
        and discounted_orders_share >= {{ threshold('discounted_share') }}

)

select * from price_sensitive
