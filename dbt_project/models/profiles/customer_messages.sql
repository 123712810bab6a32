with

messages as (

    select * from {{ ref('messages') }}

),

customer_ids as (

    select * from {{ ref('customer_ids') }}

),

-- who is known to a tool by the address alone is found by e-mail
owned as (

    select
        coalesce(users.customer_id, emails.customer_id) as customer_id,
        messages.event_type,
        messages.message_id,
        messages.occurred_at,
        messages.occurred_at > {{ as_of() }} - interval 90 day as is_recent
    from messages
    left join customer_ids as users
        on users.identifier_type = 'user_id' and messages.user_id = users.identifier_key
    left join customer_ids as emails
        on emails.identifier_type = 'email' and messages.email_hash = emails.identifier_key
    where messages.channel = 'email'

),

-- a message opened or clicked twice counts once
customer_messages as (

    select
        customer_id,
        count(distinct message_id) filter (where is_recent and event_type = 'sent') as emails_sent_90d_count,
        count(distinct message_id) filter (where is_recent and event_type = 'opened') as emails_opened_90d_count,
        count(distinct message_id) filter (where is_recent and event_type = 'clicked') as emails_clicked_90d_count,
        max(occurred_at) filter (where event_type = 'clicked') as last_email_clicked_at
    from owned
    where customer_id is not null
    group by customer_id

)

select * from customer_messages
