{# Counted without a window, so that nobody is due because time has passed: who reads it says how far back. #}
{{ config(materialized='per_customer', schema='kept') }}

with

touched_events as (

    select * from {{ ref('touched_events') }}

),

per_customer as (

    select
        customer_id,
        time_bucket(interval 6 hour, occurred_at) as block_at,
        platform,
        device_class,
        count(*) as events_count
    from touched_events
    group by customer_id, block_at, platform, device_class

),

event_blocks as (

    select * from per_customer

)

select * from event_blocks
