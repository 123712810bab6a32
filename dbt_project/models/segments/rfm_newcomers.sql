with

customers as (

    select * from {{ ref('customers') }}

),

rfm_newcomers as (

    select customer_id
    from customers
    where
        recency_quintile >= {{ threshold('rfm_high_quintile') }}
        and orders_count = 1

)

select * from rfm_newcomers
