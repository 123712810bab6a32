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

-- an event does not name its message: it is what the campaign, or the step of the flow, sent to the person
renamed as (

    select
        'klaviyo:' || event_id as event_id,
        case event_type
            when 'Received Email' then 'sent'
            when 'Bounced Email' then 'bounced'
            when 'Opened Email' then 'opened'
            when 'Clicked Email' then 'clicked'
            when 'Unsubscribed' then 'unsubscribed'
        end as event_type,
        'email' as channel,
        'klaviyo:' || coalesce(campaign_id, flow_id) as campaign_id,
        'klaviyo:' || coalesce(coalesce(campaign_id, flow_message_id) || ':' || person_id, event_id) as message_id,
        'klaviyo:' || person_id as user_id,
        occurred_at
    from latest
    where
        event_type in ('Received Email', 'Bounced Email', 'Opened Email', 'Clicked Email', 'Unsubscribed')
        and not coalesce(is_deleted, false)

)

select * from renamed
