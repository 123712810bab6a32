-- written by `smalti segments compile` from the rule in high_value.yml: change it there
with

customers as (

    select * from {{ ref('customers') }}

),

high_value as (

    select customer_id
    from customers
    where spend_365d_amount >= {{ threshold('big_spend_amount') }}

)

select * from high_value
