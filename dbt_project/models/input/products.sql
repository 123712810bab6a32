with

unioned as (

    select * from {{ ref('stg_shop__products') }}
    union all by name
    select * from {{ ref('stg_eshop2008__products') }}
    union all by name
    select * from {{ ref('stg_rees46__products') }}
    union all by name
    select * from {{ ref('stg_shopify__products') }}
    union all by name
    select * from {{ ref('stg_taobao__products') }}

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
