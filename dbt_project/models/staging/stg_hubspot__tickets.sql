with

exported as (

    select * from {{ source('raw', 'hubspot_tickets') }}

),

ticket_contacts as (

    select * from {{ source('raw', 'hubspot_ticket_contacts') }}

),

-- what the connector read last holds
latest as (

    select *
    from exported
    qualify row_number() over (partition by ticket_id order by synced_at desc) = 1

),

-- of several contacts the lowest id: it stays the same
owners as (

    select
        ticket_id,
        min(contact_id) as contact_id
    from ticket_contacts
    group by ticket_id

),

renamed as (

    select
        'hubspot:' || latest.ticket_id as ticket_id,
        'hubspot:' || owners.contact_id as user_id,
        latest.topic,
        case when latest.closed_at is null then 'open' else 'closed' end as status,
        latest.opened_at,
        latest.synced_at as updated_at,
        latest.closed_at as solved_at
    from latest
    left join owners on latest.ticket_id = owners.ticket_id
    where not coalesce(latest.is_deleted, false)

)

select * from renamed
