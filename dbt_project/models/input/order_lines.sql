with

unioned as (

    select * from {{ ref('stg_shop__order_lines') }}
    union all by name
    select * from {{ ref('stg_online_retail__order_lines') }}
    union all by name
    select * from {{ ref('stg_cdnow__order_lines') }}
    union all by name
    select * from {{ ref('stg_rees46__order_lines') }}
    union all by name
    select * from {{ ref('stg_shopify__order_lines') }}

),

order_lines as (

    select
        order_id,
        line_number,
        product_id,
        quantity,
        unit_price_amount,
        line_amount
    from unioned

)

select * from order_lines
