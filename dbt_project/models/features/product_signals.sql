{{ config(materialized='view') }}

with

event_log as (

    select * from {{ ref('event_log') }}
    where
        event_type in ('product_view', 'add_to_cart', 'purchase')
        and product_id is not null
        and not is_bot
        and occurred_at > {{ as_of() }} - interval 180 day

),

customer_orders as (

    select * from {{ ref('customer_orders') }}
    where is_revenue and ordered_at > {{ as_of() }} - interval 180 day

),

order_lines as (

    select * from {{ ref('order_lines') }}

),

customer_ids as (

    select * from {{ ref('customer_ids') }}

),

shoppers as (

    select * from {{ ref('shoppers') }}

),

catalogue as (

    select * from {{ ref('catalogue') }}

),

-- by number: to compare and sort ids of 36 characters would be most of the work
numbers as (

    select
        customer_ids.identifier_number,
        shoppers.shopper_number
    from customer_ids
    inner join shoppers on customer_ids.customer_id = shoppers.customer_id

),

product_signals as (

    select
        numbers.shopper_number,
        catalogue.product_number,
        event_log.event_type as signal,
        event_log.occurred_at
    from event_log
    inner join numbers on event_log.identifier_number = numbers.identifier_number
    inner join catalogue on event_log.product_id = catalogue.product_id
    union all
    select
        shoppers.shopper_number,
        catalogue.product_number,
        'purchase',
        customer_orders.ordered_at
    from customer_orders
    inner join order_lines on customer_orders.order_id = order_lines.order_id
    inner join shoppers on customer_orders.customer_id = shoppers.customer_id
    inner join catalogue on order_lines.product_id = catalogue.product_id

)

select * from product_signals
