with

propensity as (

    select * from {{ source('scores', 'propensity') }}

),

-- one row a person: the values by which the rule decides
measured as (

    select
        customer_id,
        tier as likeness_tier
    from propensity
    where model = 'lookalike_category_enthusiast'

),

like_category_enthusiast as (

    select customer_id
    from measured
    where likeness_tier = 'high'

)

select * from like_category_enthusiast
