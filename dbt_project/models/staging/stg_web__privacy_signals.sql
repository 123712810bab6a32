{{ config(materialized='log') }}

with

events as (

    select * from {{ ref('stg_web__events') }}
    where has_privacy_signal

),

-- of one browser the latest signal decides: earlier ones say no more
seen_now as (

    select
        user_id,
        device_id,
        anonymous_id,
        max(occurred_at) as last_seen_at,
        {{ run_number() }} as run_number
    from events
    group by user_id, device_id, anonymous_id

)

select * from seen_now
