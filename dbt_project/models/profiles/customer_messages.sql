with

messages as (

    select * from {{ ref('messages') }}

),

customer_ids as (

    select * from {{ ref('customer_ids') }}

),

owned as (

    select
        customer_ids.customer_id,
        messages.event_type,
        messages.message_id,
        messages.occurred_at,
        messages.occurred_at > {{ as_of() }} - interval 90 day as is_recent
    from messages
    inner join customer_ids
        on customer_ids.identifier_type = 'user_id' and messages.user_id = customer_ids.identifier_key
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
    group by customer_id

)

select * from customer_messages
