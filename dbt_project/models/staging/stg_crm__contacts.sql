with

exported as (

    select * from {{ source('raw', 'crm_contacts') }}

),

renamed as (

    select
        'crm:' || contact_id as user_id,
        contact_id as contact_id_crm,
        email_hmac as email_hash,
        phone_hmac as phone_hash,
        first_name_hmac as first_name_hash,
        birth_date_hmac as birth_date_hash,
        city,
        region,
        coalesce(country_code, country) as country,
        created_at,
        updated_at,
        _arrived_at as arrived_at
    from exported

),

latest as (

    select *
    from renamed
    qualify row_number() over (partition by user_id order by updated_at desc, arrived_at desc) = 1

)

select * from latest
