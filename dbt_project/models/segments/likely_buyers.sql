with

propensity as (

    select * from {{ source('scores', 'propensity') }}

),

likely_buyers as (

    select customer_id
    from propensity
    where
        model = 'purchase'
        and tier = 'high'

)

select * from likely_buyers
