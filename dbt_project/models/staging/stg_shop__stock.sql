with

exported as (

    select * from {{ source('raw', 'shop_stock') }}

),

-- what was counted last holds
latest as (

    select
        product_id,
        stock_count,
        counted_at
    from exported
    qualify row_number() over (partition by product_id order by counted_at desc) = 1

)

select * from latest
