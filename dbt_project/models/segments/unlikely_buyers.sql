with

propensity as (

    select * from {{ source('scores', 'propensity') }}

),

-- one row a person: the values by which the rule decides
measured as (

    select
        customer_id,
        tier as purchase_tier
    from propensity
    where model = 'purchase'

),

unlikely_buyers as (

    select customer_id
    from measured
    where purchase_tier = 'low'

)

select * from unlikely_buyers
