with

exported as (

    select * from {{ source('raw', 'support_tickets') }}

),

renamed as (

    select
        'support:' || ticket_id as ticket_id,
        'crm:' || contact_id as user_id,
        email_hmac as email_hash,
        topic,
        channel,
        status,
        opened_at,
        updated_at,
        row(_arrived_at, _batch, _file, _position) as arrival
    from exported

),

-- a ticket comes again when its status changes: what arrived last holds
latest as (

    select * exclude (arrival)
    from renamed
    qualify row_number() over (partition by ticket_id order by arrival desc) = 1

)

select * from latest
