with

unioned as (

    select * from {{ ref('stg_crm__contacts') }}
    union all by name
    select * from {{ ref('stg_online_retail__contacts') }}
    union all by name
    select * from {{ ref('stg_cdnow__contacts') }}
    union all by name
    select * from {{ ref('stg_shopify__contacts') }}
    union all by name
    select * from {{ ref('stg_hubspot__contacts') }}
    union all by name
    select * from {{ ref('stg_klaviyo__contacts') }}
    union all by name
    select * from {{ ref('stg_iterable__contacts') }}

),

contacts as (

    select
        user_id,
        contact_id_crm,
        email_hash,
        phone_hash,
        first_name_hash,
        birth_date_hash,
        city,
        region,
        country,
        created_at,
        updated_at,
        arrived_at
    from unioned

)

select * from contacts
