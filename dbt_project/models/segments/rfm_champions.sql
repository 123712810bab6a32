with

customers as (

    select * from {{ ref('customers') }}

),

rfm_champions as (

    select customer_id
    from customers
    where
        recency_quintile >= {{ threshold('rfm_high_quintile') }}
        and frequency_quintile >= {{ threshold('rfm_high_quintile') }}
        and monetary_quintile >= {{ threshold('rfm_high_quintile') }}
        and orders_count >= {{ threshold('repeat_orders') }}

)

select * from rfm_champions
