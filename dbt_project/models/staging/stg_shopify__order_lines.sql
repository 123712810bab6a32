with

exported as (

    select * from {{ source('raw', 'shopify_order_lines') }}

),

-- what the connector read last holds
latest as (

    select *
    from exported
    qualify row_number() over (partition by line_id order by synced_at desc) = 1

),

renamed as (

    select
        'shopify:' || order_id as order_id,
        line_number,
        'shopify:' || product_id as product_id,
        quantity,
        unit_price_amount,
        cast(quantity * unit_price_amount as decimal(18, 4)) as line_amount
    from latest

)

select * from renamed
