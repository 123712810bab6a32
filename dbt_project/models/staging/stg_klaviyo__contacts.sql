with

exported as (

    select * from {{ source('raw', 'klaviyo_persons') }}

),

-- what the connector read last holds
latest as (

    select *
    from exported
    qualify row_number() over (partition by person_id order by synced_at desc) = 1

),

renamed as (

    select
        'klaviyo:' || person_id as user_id,
        person_id as contact_id_crm,
        email_hmac as email_hash,
        phone_hmac as phone_hash,
        first_name_hmac as first_name_hash,
        city,
        region,
        coalesce(country_code, country) as country,
        created_at,
        updated_at,
        _arrived_at as arrived_at
    from latest
    where not coalesce(is_deleted, false)

)

select * from renamed
