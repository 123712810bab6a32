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

),

waited as (

    select
        ticket_id,
        max(updated_at) as last_waited_at
    from renamed
    where status in ('open', 'pending')
    group by ticket_id

),

-- closing what was solved solves nothing; who comes back waits again
solved as (

    select
        renamed.ticket_id,
        min(renamed.updated_at) as solved_at
    from renamed
    left join waited on renamed.ticket_id = waited.ticket_id
    where
        renamed.status in ('solved', 'closed')
        and (waited.last_waited_at is null or renamed.updated_at >= waited.last_waited_at)
    group by renamed.ticket_id

),

dated as (

    select
        latest.*,
        case when latest.status in ('solved', 'closed') then solved.solved_at end as solved_at
    from latest
    left join solved on latest.ticket_id = solved.ticket_id

)

select * from dated
