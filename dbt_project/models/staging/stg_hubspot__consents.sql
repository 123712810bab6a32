with

events as (

    select * from {{ source('raw', 'hubspot_email_events') }}

),

status_changes as (

    select * from {{ source('raw', 'hubspot_email_status_changes') }}

),

-- who reports spam says no, and so does who leaves one kind of e-mail: which a campaign is of is not known.
-- A yes is one only where the recipient said it
judged as (

    select
        events.recipient_hmac as email_hash,
        events.occurred_at as recorded_at,
        events.event_type = 'SPAMREPORT'
        or contains(concat_ws(' ', changes.subscription_status, changes.subscriptions), 'UNSUBSCRIBED') as is_refusal,
        coalesce(
            changes.subscription_status = 'SUBSCRIBED' and changes.changed_by = 'SOURCE_RECIPIENT', false
        ) as is_grant
    from events
    left join status_changes as changes on events.event_id = changes.event_id
    where events.recipient_hmac is not null

),

decisions as (

    select distinct
        email_hash,
        'marketing_email' as purpose,
        'email' as channel,
        not is_refusal as is_granted,
        'stated' as basis,
        recorded_at
    from judged
    where is_refusal or is_grant

)

select * from decisions
