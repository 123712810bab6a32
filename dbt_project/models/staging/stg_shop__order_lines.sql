with

exported as (

    select * from {{ source('raw', 'shop_order_lines') }}

),

renamed as (

    select
        'shop:' || order_id as order_id,
        line_number,
        product_id,
        quantity,
        unit_price_amount,
        cast(quantity * unit_price_amount as decimal(18, 4)) as line_amount
    from exported

)

select * from renamed
