with

unioned as (

    select
        *,
        'crm' as source
    from {{ ref('stg_crm__consents') }}
    union all by name
    select
        *,
        'online_retail' as source
    from {{ ref('stg_online_retail__consents') }}
    union all by name
    select
        *,
        'cdnow' as source
    from {{ ref('stg_cdnow__consents') }}
    union all by name
    select
        *,
        'email' as source
    from {{ ref('stg_email__consents') }}
    union all by name
    select
        *,
        'shopify' as source
    from {{ ref('stg_shopify__consents') }}
    union all by name
    select
        *,
        'hubspot' as source
    from {{ ref('stg_hubspot__consents') }}
    union all by name
    select
        *,
        'klaviyo' as source
    from {{ ref('stg_klaviyo__consents') }}
    union all by name
    select
        *,
        'iterable' as source
    from {{ ref('stg_iterable__consents') }}
    union all by name
    select
        *,
        'web' as source
    from {{ ref('stg_web__consents') }}

),

-- where two sources speak of one moment, the refusal stands
consents as (

    select
        user_id,
        email_hash,
        device_id,
        anonymous_id,
        purpose,
        channel,
        bool_and(is_granted) as is_granted,
        basis,
        recorded_at,
        arg_min(source, (is_granted, source)) as source
    from unioned
    group by user_id, email_hash, device_id, anonymous_id, purpose, channel, basis, recorded_at

)

select * from consents
