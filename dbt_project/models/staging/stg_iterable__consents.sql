with

events as (

    select * from {{ source('raw', 'iterable_events') }}

),

channels as (

    select * from {{ source('raw', 'iterable_unsubscribed_channels') }}

),

message_types as (

    select * from {{ source('raw', 'iterable_unsubscribed_message_types') }}

),

-- the refusal of one channel or kind of message is one of all, for the account as for the address. Being subscribed
-- is no yes: a list that somebody imports subscribes as well
refusals as (

    select
        cast(null as varchar) as user_id,
        email_hmac as email_hash,
        occurred_at as recorded_at
    from events
    where event_name in ('emailUnSubscribe', 'emailComplaint')
    union all
    select
        'iterable:' || user_key,
        null,
        occurred_at
    from events
    where event_name in ('emailUnSubscribe', 'emailComplaint')
    union all
    select
        null,
        email_hmac,
        updated_at
    from channels
    union all
    select
        null,
        email_hmac,
        updated_at
    from message_types

),

decisions as (

    select distinct
        user_id,
        email_hash,
        'marketing_email' as purpose,
        'email' as channel,
        false as is_granted,
        'stated' as basis,
        recorded_at
    from refusals
    where user_id is not null or email_hash is not null

)

select * from decisions
