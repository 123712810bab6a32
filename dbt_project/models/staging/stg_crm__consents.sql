with

exported as (

    select * from {{ source('raw', 'crm_consents') }}

),

renamed as (

    select
        'crm:' || contact_id as user_id,
        purpose,
        channel,
        status = 'granted' as is_granted,
        'stated' as basis,
        recorded_at
    from exported

)

select * from renamed
