with

memberships as (

    select * from {{ ref('memberships') }}

),

catalog as (

    select * from {{ ref('catalog') }}

),

recommendations as (

    select * from {{ source('scores', 'recommendations') }}

),

-- of a large segment some twenty thousand members say the same as all
asked as (

    select
        memberships.segment_id,
        memberships.customer_id
    from memberships
    inner join catalog on memberships.segment_id = catalog.segment_id
    where
        catalog.is_sendable
        and hash(memberships.customer_id) % greatest(1, catalog.members // 20000) = 0

),

-- the lower a product stands in a person's list, the less it counts
counted as (

    select
        asked.segment_id,
        recommendations.product_id,
        round(fsum(1 / log2(recommendations.rank + 1)), 6) as score
    from asked
    inner join recommendations on asked.customer_id = recommendations.customer_id
    group by asked.segment_id, recommendations.product_id

),

segment_recommendations as (

    select
        segment_id,
        cast(row_number() over (partition by segment_id order by score desc, product_id asc) as integer) as rank,
        product_id,
        round(score / max(score) over (partition by segment_id), 6) as score
    from counted
    qualify rank <= 10

)

select * from segment_recommendations
