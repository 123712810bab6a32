with

unioned as (

    select * from {{ ref('stg_shop__order_discounts') }}

),

order_discounts as (

    select
        order_id,
        promotion_code,
        discount_amount,
        applied_at
    from unioned

)

select * from order_discounts
