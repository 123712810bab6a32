with

customers as (

    select * from {{ ref('customers') }}

),

repeat_buyers as (

    select customer_id
    from customers
    where orders_count >= {{ threshold('repeat_orders') }}

)

select * from repeat_buyers
