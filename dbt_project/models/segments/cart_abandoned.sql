with

customers as (

    select * from {{ ref('customers') }}

),

cart_abandoned as (

    select customer_id
    from customers
    where
        last_cart_at > {{ as_of() }} - interval 7 day
        and last_cart_at <= {{ as_of() }} - interval 1 hour
        and (last_purchase_at is null or last_purchase_at < last_cart_at)

)

select * from cart_abandoned
