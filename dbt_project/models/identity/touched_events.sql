{{ config(materialized='view') }}

with

event_log as (

    select * from {{ ref('event_log') }}

),

-- their identifiers first: the scan of all events then drops everybody else's
touched_ids as (

    select
        customer_ids.identifier_number,
        customer_ids.customer_id
    from {{ ref('customer_ids') }} as customer_ids
    semi join {{ ref('touched') }} as touched on customer_ids.customer_id = touched.customer_id

),

touched_events as (

    select
        touched_ids.customer_id,
        event_log.* exclude (identifier_number, run_number)
    from event_log
    inner join touched_ids on event_log.identifier_number = touched_ids.identifier_number

)

select * from touched_events
