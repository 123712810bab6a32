with

unioned as (

    select * from {{ ref('stg_loyalty__members') }}

),

loyalty as (

    select
        loyalty_number,
        user_id,
        email_hash,
        source,
        tier,
        points,
        joined_at,
        updated_at
    from unioned

)

select * from loyalty
