with

exported as (

    select * from {{ source('raw', 'hubspot_contacts') }}

),

-- what the connector read last holds
latest as (

    select *
    from exported
    qualify row_number() over (partition by contact_id order by synced_at desc) = 1

),

renamed as (

    select
        'hubspot:' || contact_id as user_id,
        contact_id as contact_id_crm,
        email_hmac as email_hash,
        first_name_hmac as first_name_hash,
        coalesce(created_at, synced_at) as created_at,
        synced_at as updated_at,
        _arrived_at as arrived_at
    from latest
    where not coalesce(is_deleted, false)

)

select * from renamed
