with

exported as (

    select * from {{ source('raw', 'hubspot_email_events') }}

),

-- what the connector read last holds
latest as (

    select *
    from exported
    qualify row_number() over (partition by event_id order by synced_at desc) = 1

),

-- what machines opened HubSpot filters; what is obsolete stands there again
renamed as (

    select
        'hubspot:' || event_id as event_id,
        case event_type
            when 'SENT' then 'sent'
            when 'BOUNCE' then 'bounced'
            when 'OPEN' then 'opened'
            when 'CLICK' then 'clicked'
        end as event_type,
        'email' as channel,
        'hubspot:' || campaign_id as campaign_id,
        'hubspot:' || coalesce(sent_by_id, event_id) as message_id,
        recipient_hmac as email_hash,
        occurred_at
    from latest
    where
        event_type in ('SENT', 'BOUNCE', 'OPEN', 'CLICK')
        and not coalesce(is_filtered, false)
        and obsoleted_by_id is null

)

select * from renamed
