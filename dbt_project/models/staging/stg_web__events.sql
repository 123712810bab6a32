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
        coalesce(regexp_matches(user_agent, 'bot|crawl|spider|headless', 'i'), false) as is_bot,
        occurred_at,
        _arrived_at as arrived_at
    from exported

)

select * from renamed
