with

exported as (

    select * from {{ source('raw', 'email_engagement') }}

),

-- whoever unsubscribes in the e-mail tool said no, whatever the CRM has on record
unsubscribed as (

    select distinct
        'crm:' || contact_id as user_id,
        'marketing_email' as purpose,
        'email' as channel,
        false as is_granted,
        'stated' as basis,
        occurred_at as recorded_at
    from exported
    where event_type = 'unsubscribed'

)

select * from unsubscribed
