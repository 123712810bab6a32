with

unioned as (

    select * from {{ ref('stg_shop__orders') }}
    union all by name
    select * from {{ ref('stg_online_retail__orders') }}
    union all by name
    select * from {{ ref('stg_cdnow__orders') }}
    union all by name
    select * from {{ ref('stg_rees46__orders') }}
    union all by name
    select * from {{ ref('stg_shopify__orders') }}

),

orders as (

    select
        order_id,
        user_id,
        email_hash,
        status,
        channel,
        ordered_at
    from unioned

)

select * from orders
