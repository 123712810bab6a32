with

affinities as (

    select * from {{ source('scores', 'affinities') }}
    where tier = 'high' and not has_bought

),

customers as (

    select * from {{ ref('customers') }}

),

-- one row a person: the values by which the rule decides
measured as (

    select
        affinities.customer_id,
        customers.orders_count,
        count(*) as new_categories_count
    from affinities
    inner join customers on affinities.customer_id = customers.customer_id
    group by affinities.customer_id, customers.orders_count

),

cross_sell_candidates as (

    select customer_id
    from measured
    where orders_count > 0

)

select * from cross_sell_candidates
