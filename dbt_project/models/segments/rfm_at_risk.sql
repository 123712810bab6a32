with

customers as (

    select * from {{ ref('customers') }}

),

rfm_at_risk as (

    select customer_id
    from customers
    where
        recency_quintile <= {{ threshold('rfm_low_quintile') }}
        and frequency_quintile >= {{ threshold('rfm_high_quintile') }}
        and monetary_quintile >= {{ threshold('rfm_high_quintile') }}
        and orders_count >= {{ threshold('repeat_orders') }}

)

select * from rfm_at_risk
