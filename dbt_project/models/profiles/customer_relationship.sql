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

customer_relationship as (

    select
        customer_id,
        customer_messages.emails_sent_90d_count,
        customer_messages.emails_opened_90d_count,
        customer_messages.emails_clicked_90d_count,
        customer_messages.last_email_clicked_at,
        customer_tickets.tickets_open_count,
        customer_tickets.tickets_90d_count,
        customer_feedback.satisfaction_score,
        customer_feedback.last_feedback_at,
        customer_feedback.likes_count,
        customer_feedback.dislikes_count,
        customer_loyalty.loyalty_tier,
        customer_loyalty.loyalty_points,
        customer_promotions.orders_with_promotion_count,
        customer_promotions.discounted_orders_share
    from customer_messages
    full outer join customer_tickets using (customer_id)
    full outer join customer_feedback using (customer_id)
    full outer join customer_loyalty using (customer_id)
    full outer join customer_promotions using (customer_id)

)

select * from customer_relationship
