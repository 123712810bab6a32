with

events as (

    select * from {{ ref('stg_rees46__events') }}

),

purchases as (

    select
        order_id,
        row_number() over (partition by order_id order by occurred_at, event_id) as line_number,
        product_id,
        1 as quantity,
        price_amount as unit_price_amount,
        price_amount as line_amount
    from events
    where event_type = 'purchase'

)

select * from purchases
