{{ config(materialized='view') }}

with

unioned as (

    select * from {{ ref('stg_web__events') }}
    union all by name
    select * from {{ ref('stg_eshop2008__events') }}
    where is_new
    union all by name
    select * from {{ ref('stg_rees46__events') }}
    where is_new
    union all by name
    select * from {{ ref('stg_snowplow__events') }}
    union all by name
    select * from {{ ref('stg_taobao__events') }}
    where is_new

),

events as (

    select
        event_id,
        event_type,
        anonymous_id,
        device_id,
        user_id,
        platform,
        page,
        product_id,
        category,
        search_query,
        order_id,
        value_amount,
        is_bot,
        referrer_domain,
        utm_source,
        utm_medium,
        utm_campaign,
        device_class,
        occurred_at,
        arrived_at
    from unioned

)

select * from events
