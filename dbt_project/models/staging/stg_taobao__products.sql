with

events as (

    select * from {{ ref('stg_taobao__events') }}

),

latest as (

    select
        product_id,
        category,
        occurred_at as updated_at
    from events
    qualify row_number() over (partition by product_id order by occurred_at desc, event_id asc) = 1

)

select * from latest
