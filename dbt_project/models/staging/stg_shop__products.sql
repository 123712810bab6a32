with

exported as (

    select * from {{ source('raw', 'shop_products') }}

),

latest as (

    select
        product_id,
        name,
        category,
        brand,
        price_amount,
        updated_at
    from exported
    qualify row_number() over (partition by product_id order by updated_at desc, _arrived_at desc) = 1

)

select * from latest
