with

unioned as (

    select * from {{ ref('stg_shop__products') }}

),

products as (

    select
        product_id,
        name,
        category,
        brand,
        price_amount,
        updated_at
    from unioned

)

select * from products
