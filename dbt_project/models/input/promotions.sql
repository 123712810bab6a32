with

unioned as (

    select * from {{ ref('stg_shop__promotions') }}

),

promotions as (

    select
        promotion_code,
        discount_percent,
        category,
        valid_from,
        valid_to,
        updated_at
    from unioned

)

select * from promotions
