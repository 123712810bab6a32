with

exported as (

    select * from {{ source('arrivals', 'snowplow_events') }}

),

renamed as (

    select
        'snowplow:' || event_id as event_id,
        case event_name
            when 'site_search' then 'search'
            when 'transaction' then 'purchase'
            else event_name
        end as event_type,
        'snowplow:' || domain_userid as anonymous_id,
        'snowplow:' || user_id as user_id,
        platform,
        split_part(page_url, '?', 1) as page,
        -- a page of the site's own that leads to the next is no referrer
        {{ referrer_domain('page_referrer', 'page_url') }} as referrer_domain,
        mkt_source as utm_source,
        mkt_medium as utm_medium,
        mkt_campaign as utm_campaign,
        coalesce(useragent_is_bot, false) as is_bot,
        useragent_device_class as device_class,
        derived_tstamp as occurred_at,
        _arrived_at as arrived_at
    from exported

)

select * from renamed
