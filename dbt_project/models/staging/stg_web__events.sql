with

exported as (

    select * from {{ source('arrivals', 'web_events') }}

),

renamed as (

    select
        event_id,
        event_type,
        anonymous_id,
        device_id,
        'crm:' || user_id as user_id,
        platform,
        split_part(url, '?', 1) as page,
        product_id,
        category,
        search_query,
        'shop:' || order_id as order_id,
        value_amount,
        {{ referrer_domain('referrer', 'url') }} as referrer_domain,
        {{ url_parameter('url', 'utm_source') }} as utm_source,
        {{ url_parameter('url', 'utm_medium') }} as utm_medium,
        {{ url_parameter('url', 'utm_campaign') }} as utm_campaign,
        coalesce(user_agent_is_bot, false) as is_bot,
        user_agent_device_class as device_class,
        coalesce(global_privacy_control, false) as has_privacy_signal,
        occurred_at,
        _arrived_at as arrived_at
    from exported

)

select * from renamed
