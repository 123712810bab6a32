with

unioned as (

    select * from {{ ref('stg_email__messages') }}
    union all by name
    select * from {{ ref('stg_hubspot__messages') }}
    union all by name
    select * from {{ ref('stg_klaviyo__messages') }}
    union all by name
    select * from {{ ref('stg_iterable__messages') }}

),

messages as (

    select
        event_id,
        event_type,
        channel,
        campaign_id,
        message_id,
        user_id,
        email_hash,
        bounce_type,
        occurred_at
    from unioned

)

select * from messages
