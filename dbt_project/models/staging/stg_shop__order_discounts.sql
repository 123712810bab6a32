with

exported as (

    select * from {{ source('raw', 'shop_order_discounts') }}

),

renamed as (

    select
        'shop:' || order_id as order_id,
        promotion_code,
        discount_amount,
        applied_at
    from exported

)

select * from renamed
