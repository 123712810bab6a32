with

customers as (

    select * from {{ ref('customers') }}

),

lapsed_big_spenders as (

    select customer_id
    from customers
    where
        spend_365d_amount >= {{ threshold('big_spend_amount') }}
        and last_ordered_at < {{ as_of() }} - interval 90 day

)

select * from lapsed_big_spenders
