with

unioned as (

    select * from {{ ref('stg_shop__stock') }}

),

stock as (

    select
        product_id,
        stock_count,
        counted_at
    from unioned

)

select * from stock
