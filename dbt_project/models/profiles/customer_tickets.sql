with

tickets as (

    select * from {{ ref('tickets') }}

),

customer_ids as (

    select * from {{ ref('customer_ids') }}

),

-- who wrote without an account is found by e-mail
owned as (

    select
        coalesce(users.customer_id, emails.customer_id) as customer_id,
        tickets.status,
        tickets.opened_at,
        tickets.solved_at
    from tickets
    left join customer_ids as users
        on users.identifier_type = 'user_id' and tickets.user_id = users.identifier_key
    left join customer_ids as emails
        on emails.identifier_type = 'email' and tickets.email_hash = emails.identifier_key

),

customer_tickets as (

    select
        customer_id,
        count(*) as tickets_count,
        count(*) filter (where status in ('open', 'pending')) as tickets_open_count,
        count(*) filter (where opened_at > {{ day_end() }} - interval 90 day) as tickets_90d_count,
        max(opened_at) as last_ticket_opened_at,
        median(epoch(solved_at - opened_at) / 3600) filter (
            where solved_at > {{ day_end() }} - interval 365 day
        ) as time_to_solve_365d_hours
    from owned
    where customer_id is not null
    group by customer_id

)

select * from customer_tickets
