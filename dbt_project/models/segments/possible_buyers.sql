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

possible_buyers as (

    select customer_id
    from measured
    where purchase_tier = 'medium'

)

select * from possible_buyers
