with

customer_messages as (

    select * from {{ ref('customer_messages') }}

),

customer_tickets as (

    select * from {{ ref('customer_tickets') }}

),

customer_feedback as (

    select * from {{ ref('customer_feedback') }}

),

customer_loyalty as (

    select * from {{ ref('customer_loyalty') }}

),

customer_promotions as (

    select * from {{ ref('customer_promotions') }}

),

-- each subject fills its own columns of one row a person at most
subjects as (

    select * from customer_messages
    union all by name
    select * from customer_tickets
    union all by name
    select * from customer_feedback
    union all by name
    select * from customer_loyalty
    union all by name
    select * from customer_promotions

),

customer_relationship as (

    select
        customer_id,
        any_value(emails_sent_90d_count) as emails_sent_90d_count,
        any_value(emails_opened_90d_count) as emails_opened_90d_count,
        any_value(emails_clicked_90d_count) as emails_clicked_90d_count,
        any_value(last_email_clicked_at) as last_email_clicked_at,
        any_value(tickets_open_count) as tickets_open_count,
        any_value(tickets_90d_count) as tickets_90d_count,
        any_value(satisfaction_score) as satisfaction_score,
        any_value(last_feedback_at) as last_feedback_at,
        any_value(likes_count) as likes_count,
        any_value(dislikes_count) as dislikes_count,
        any_value(loyalty_points) as loyalty_points,
        any_value(orders_with_promotion_count) as orders_with_promotion_count,
        any_value(discounted_orders_share) as discounted_orders_share
    from subjects
    group by customer_id

)

select * from customer_relationship
