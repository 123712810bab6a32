with

customers as (

    select * from {{ ref('customers') }}

),

rfm_promising as (

    select customer_id
    from customers
    where
        recency_quintile >= {{ threshold('rfm_high_quintile') }}
        and orders_count >= {{ threshold('repeat_orders') }}
        and (
            frequency_quintile < {{ threshold('rfm_high_quintile') }}
            or monetary_quintile < {{ threshold('rfm_high_quintile') }}
        )

)

select * from rfm_promising
