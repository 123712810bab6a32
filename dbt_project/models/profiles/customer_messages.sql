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
        messages.occurred_at > {{ day_end() }} - interval 90 day as is_recent
    from messages
    left join customer_ids as users
        on users.identifier_type = 'user_id' and messages.user_id = users.identifier_key
    left join customer_ids as emails
        on emails.identifier_type = 'email' and messages.email_hash = emails.identifier_key
    where
        messages.channel = 'email'
        and coalesce(users.customer_id, emails.customer_id) is not null

),

-- what became of each message that was sent; to click is to have opened
letters as (

    select
        customer_id,
        message_id,
        min(occurred_at) filter (where event_type = 'sent') as sent_at,
        bool_or(event_type in ('opened', 'clicked')) as is_opened,
        bool_or(event_type = 'clicked') as is_clicked
    from owned
    group by customer_id, message_id
    having not bool_or(event_type = 'bounced')

),

engagement as (

    select
        customer_id,
        count(*) as letters_count,
        count(*) filter (where is_opened) as opened_count,
        count(*) filter (where is_clicked) as clicked_count,
        count(*) filter (where sent_at > {{ day_end() }} - interval 30 day) as letters_30d_count,
        count(*) filter (where is_opened and sent_at > {{ day_end() }} - interval 30 day) as opened_30d_count
    from letters
    where sent_at > {{ day_end() }} - interval 90 day
    group by customer_id

),

-- of fewer than three letters a rate says too little to be compared
rates as (

    select
        customer_id,
        opened_count / letters_count as email_open_90d_rate,
        clicked_count / letters_count as email_click_90d_rate,
        case
            when letters_30d_count >= 3 and letters_count - letters_30d_count >= 3
                then
                    opened_30d_count / letters_30d_count
                    - (opened_count - opened_30d_count) / (letters_count - letters_30d_count)
        end as email_open_trend
    from engagement

),

-- a message opened or clicked twice counts once
counted as (

    select
        customer_id,
        count(distinct message_id) filter (where is_recent and event_type = 'sent') as emails_sent_90d_count,
        count(distinct message_id) filter (where is_recent and event_type = 'opened') as emails_opened_90d_count,
        count(distinct message_id) filter (where is_recent and event_type = 'clicked') as emails_clicked_90d_count,
        max(occurred_at) filter (where event_type = 'clicked') as last_email_clicked_at
    from owned
    group by customer_id

),

customer_messages as (

    select
        counted.*,
        rates.email_open_90d_rate,
        rates.email_click_90d_rate,
        rates.email_open_trend
    from counted
    left join rates on counted.customer_id = rates.customer_id

)

select * from customer_messages
