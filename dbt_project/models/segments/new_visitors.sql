with

customers as (

    select * from {{ ref('customers') }}

),

new_visitors as (

    select customer_id
    from customers
    where
        first_seen_at > {{ as_of() }} - interval 7 day
        and orders_count = 0

)

select * from new_visitors
