{{ config(materialized='log') }}

with

events as (

    select * from {{ ref('events') }}

),

seen_now as (

    select
        user_id,
        device_id,
        anonymous_id,
        min(occurred_at) as first_seen_at
    from events
    group by user_id, device_id, anonymous_id

),

seen_before as (

    select
        user_id,
        device_id,
        anonymous_id,
        min(first_seen_at) as first_seen_at
    from {{ this }}
    where {{ written_before() }}
    group by user_id, device_id, anonymous_id

),

-- new together, or together earlier than known: late events
added as (

    select
        seen_now.user_id,
        seen_now.device_id,
        seen_now.anonymous_id,
        seen_now.first_seen_at,
        {{ run_number() }} as run_number
    from seen_now
    left join seen_before
        on
            seen_now.user_id is not distinct from seen_before.user_id
            and seen_now.device_id is not distinct from seen_before.device_id
            and seen_now.anonymous_id is not distinct from seen_before.anonymous_id
    where seen_before.first_seen_at is null or seen_now.first_seen_at < seen_before.first_seen_at

)

select * from added
