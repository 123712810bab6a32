{{ config(materialized='view') }}

with

event_log as (

    select * from {{ ref('event_log') }}

),

customer_ids as (

    select * from {{ ref('customer_ids') }}

),

-- the owner's number stays; whose it is may change with every merge
owned as (

    select
        customer_ids.customer_id,
        event_log.* exclude (identifier_number, run_number)
    from event_log
    inner join customer_ids on event_log.identifier_number = customer_ids.identifier_number

)

select * from owned
