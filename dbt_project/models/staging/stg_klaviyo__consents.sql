with

exported as (

    select * from {{ source('raw', 'klaviyo_events') }}

),

-- what the connector read last holds
latest as (

    select *
    from exported
    qualify row_number() over (partition by event_id order by synced_at desc) = 1

),

-- the refusal of one list is one of all: which a campaign is of is not known. A yes that was deleted is none
decisions as (

    select distinct
        'klaviyo:' || person_id as user_id,
        'marketing_email' as purpose,
        'email' as channel,
        event_type = 'Subscribed to Email Marketing' as is_granted,
        'stated' as basis,
        occurred_at as recorded_at
    from latest
    where
        person_id is not null
        and (
            (event_type = 'Subscribed to Email Marketing' and not coalesce(is_deleted, false))
            or event_type in (
                'Unsubscribed', 'Unsubscribed from Email Marketing', 'Unsubscribed from List', 'Marked Email as Spam'
            )
        )

)

select * from decisions
