-- written by `smalti segments compile` from the rule in browsers_no_purchase.yml: change it there
with

customers as (

    select * from {{ ref('customers') }}

),

browsers_no_purchase as (

    select customer_id
    from customers
    where
        orders_count = 0
        and last_event_at > {{ as_of() }} - interval 30 day

)

select * from browsers_no_purchase
