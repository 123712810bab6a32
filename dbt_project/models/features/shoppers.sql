with

customer_features as (

    select * from {{ ref('customer_features') }}

),

customers as (

    select * from {{ ref('customers') }}

),

shoppers as (

    select
        cast(row_number() over (order by customer_features.customer_id) - 1 as integer) as shopper_number,
        customer_features.customer_id,
        customers.state,
        customers.journey_stage,
        customers.region,
        customers.favourite_category
    from customer_features
    left join customers on customer_features.customer_id = customers.customer_id

)

select * from shoppers
