with

propensity as (

    select * from {{ source('scores', 'propensity') }}

),

-- one row a person: the values by which the rule decides
measured as (

    select
        customer_id,
        tier as churn_tier
    from propensity
    where model = 'churn'

),

likely_to_churn as (

    select customer_id
    from measured
    where churn_tier = 'high'

)

select * from likely_to_churn
