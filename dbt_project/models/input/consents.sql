with

unioned as (

    select * from {{ ref('stg_crm__consents') }}
    union all by name
    select * from {{ ref('stg_online_retail__consents') }}
    union all by name
    select * from {{ ref('stg_cdnow__consents') }}
    union all by name
    select * from {{ ref('stg_email__consents') }}
    union all by name
    select * from {{ ref('stg_shopify__consents') }}
    union all by name
    select * from {{ ref('stg_hubspot__consents') }}
    union all by name
    select * from {{ ref('stg_klaviyo__consents') }}
    union all by name
    select * from {{ ref('stg_iterable__consents') }}

),

-- where two sources speak of one moment, the refusal stands
consents as (

    select
        user_id,
        email_hash,
        purpose,
        channel,
        bool_and(is_granted) as is_granted,
        basis,
        recorded_at
    from unioned
    group by user_id, email_hash, purpose, channel, basis, recorded_at

)

select * from consents
