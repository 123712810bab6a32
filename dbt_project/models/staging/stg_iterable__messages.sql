with

exported as (

    select * from {{ source('raw', 'iterable_events') }}

),

renamed as (

    select
        'iterable:' || event_id || ':' || user_key as event_id,
        case event_name
            when 'emailSend' then 'sent'
            when 'emailBounce' then 'bounced'
            when 'emailOpen' then 'opened'
            when 'emailClick' then 'clicked'
            when 'emailUnSubscribe' then 'unsubscribed'
        end as event_type,
        'email' as channel,
        'iterable:' || campaign_id as campaign_id,
        'iterable:' || coalesce(message_id, event_id) as message_id,
        'iterable:' || user_key as user_id,
        email_hmac as email_hash,
        occurred_at
    from exported
    where event_name in ('emailSend', 'emailBounce', 'emailOpen', 'emailClick', 'emailUnSubscribe')

)

select * from renamed
