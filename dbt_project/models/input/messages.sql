with

unioned as (

    select * from {{ ref('stg_email__messages') }}

),

messages as (

    select
        event_id,
        event_type,
        channel,
        campaign_id,
        message_id,
        user_id,
        bounce_type,
        occurred_at
    from unioned

)

select * from messages
