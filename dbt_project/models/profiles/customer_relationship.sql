{{ config(materialized='refreshed') }}

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

customer_prices as (

    select * from {{ ref('customer_prices') }}

),

customer_consents as (

    select * from {{ ref('customer_consents') }}

),

-- a channel is asked for one purpose; what is allowed for another opens it no further
opt_ins as (

    select
        customer_id,
        bool_or(is_granted and purpose = 'marketing_email' and channel = 'email') as is_email_opted_in,
        bool_or(is_granted and purpose = 'personalisation' and channel = 'web') as is_web_opted_in
    from customer_consents
    group by customer_id

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
    union all by name
    select * from customer_prices
    union all by name
    select * from opt_ins

),

customer_relationship as (

    select
        customer_id,
        any_value(emails_sent_90d_count) as emails_sent_90d_count,
        any_value(emails_opened_90d_count) as emails_opened_90d_count,
        any_value(emails_clicked_90d_count) as emails_clicked_90d_count,
        any_value(last_email_clicked_at) as last_email_clicked_at,
        any_value(email_open_90d_rate) as email_open_90d_rate,
        any_value(email_click_90d_rate) as email_click_90d_rate,
        any_value(email_open_trend) as email_open_trend,
        any_value(is_email_opted_in) as is_email_opted_in,
        any_value(is_web_opted_in) as is_web_opted_in,
        any_value(tickets_count) as tickets_count,
        any_value(tickets_open_count) as tickets_open_count,
        any_value(tickets_90d_count) as tickets_90d_count,
        any_value(time_to_solve_365d_hours) as time_to_solve_365d_hours,
        any_value(satisfaction_score) as satisfaction_score,
        any_value(last_feedback_at) as last_feedback_at,
        any_value(likes_count) as likes_count,
        any_value(dislikes_count) as dislikes_count,
        any_value(loyalty_points) as loyalty_points,
        any_value(orders_with_promotion_count) as orders_with_promotion_count,
        any_value(discounted_orders_share) as discounted_orders_share,
        any_value(price_sensitivity) as price_sensitivity
    from subjects
    group by customer_id

)

select * from customer_relationship
