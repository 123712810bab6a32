with

signals as (

    select * from {{ ref('stg_web__privacy_signals') }}

),

purposes as (

    select * from {{ ref('purposes') }}
    where is_refused_by_gpc

),

latest as (

    select
        user_id,
        device_id,
        anonymous_id,
        max(last_seen_at) as recorded_at
    from signals
    group by user_id, device_id, anonymous_id

),

-- the browser says it for whoever sits before it: no sale, no sharing, no advertising made of what they do
refused as (

    select
        latest.user_id,
        latest.device_id,
        latest.anonymous_id,
        purposes.purpose,
        purposes.channel,
        false as is_granted,
        'stated' as basis,
        latest.recorded_at
    from latest
    cross join purposes

)

select * from refused
