with

exported as (

    select * from {{ source('raw', 'email_engagement') }}

),

renamed as (

    select
        event_id,
        event_type,
        'email' as channel,
        campaign_id,
        message_id,
        'crm:' || contact_id as user_id,
        bounce_type,
        occurred_at
    from exported

)

select * from renamed
