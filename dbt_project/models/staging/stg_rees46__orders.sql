with

events as (

    select * from {{ ref('stg_rees46__events') }}

),

orders as (

    select
        order_id,
        min(user_id) as user_id,
        'completed' as status,
        min(occurred_at) as ordered_at
    from events
    where event_type = 'purchase'
    group by order_id

)

select * from orders
