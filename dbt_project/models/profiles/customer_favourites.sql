{{ config(materialized='refreshed') }}

with

-- scores that differ by the last bits of a sum are level, and what has decayed to nothing is no interest
interests as (

    select
        customer_id,
        dimension,
        value,
        round(score, 6) as score
    from {{ ref('interests') }}
    where round(score, 6) > 0

),

ranked as (

    select
        customer_id,
        dimension,
        row_number() over (partition by customer_id, dimension order by score desc, value asc) as rank,
        value,
        score / sum(score) over (partition by customer_id, dimension) as interest_share
    from interests

),

customer_favourites as (

    select
        customer_id,
        dimension,
        cast(rank as integer) as rank,
        value,
        round(interest_share, 9) as interest_share
    from ranked
    where rank <= 3

)

select * from customer_favourites
