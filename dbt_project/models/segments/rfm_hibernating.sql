with

customers as (

    select * from {{ ref('customers') }}

),

rfm_hibernating as (

    select customer_id
    from customers
    where
        recency_quintile <= {{ threshold('rfm_low_quintile') }}
        and monetary_quintile <= {{ threshold('rfm_low_quintile') }}

)

select * from rfm_hibernating
