with

customers as (

    select * from {{ ref('customers') }}

),

loyal_customers as (

    select customer_id
    from customers
    where
        orders_count >= {{ threshold('orders') }}
        and first_ordered_at <= {{ as_of() }} - {{ threshold('tenure_days') }} * interval 1 day
        and last_ordered_at >= {{ as_of() }} - {{ threshold('silence_days') }} * interval 1 day

)

select * from loyal_customers
