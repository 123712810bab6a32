{{ config(materialized='refreshed') }}

with

customer_ids as (

    select * from {{ ref('customer_ids') }}

),

contacts as (

    select * from {{ ref('contacts') }}

),

customer_attributes as (

    select * from {{ ref('customer_attributes') }}

),

customer_activity as (

    select * from {{ ref('customer_activity') }}

),

customer_orders as (

    select * from {{ ref('customer_orders') }}

),

customer_favourites as (

    select * from {{ ref('customer_favourites') }}

),

customer_habits as (

    select * from {{ ref('customer_habits') }}

),

customer_relationship as (

    select * from {{ ref('customer_relationship') }}

),

anomalous as (

    select distinct customer_id from {{ ref('anomalies') }}

),

people as (

    select
        customer_id,
        min(first_seen_at) as first_seen_at
    from customer_ids
    group by customer_id

),

-- of several accounts that a person has, the one updated last
customer_contacts as (

    select
        customer_ids.customer_id,
        contacts.contact_id_crm
    from contacts
    inner join customer_ids
        on customer_ids.identifier_type = 'user_id' and contacts.user_id = customer_ids.identifier_key
    qualify
        row_number() over (
            partition by customer_ids.customer_id
            order by contacts.updated_at desc, contacts.contact_id_crm asc
        ) = 1

),

attributes as (

    select
        customer_id,
        max(value) filter (where attribute = 'region') as region,
        max(value) filter (where attribute = 'country') as country,
        max(value) filter (where attribute = 'age_band') as age_band,
        max(value) filter (where attribute = 'income_band') as income_band,
        max(value) filter (where attribute = 'loyalty_tier') as loyalty_tier
    from customer_attributes
    group by customer_id

),

order_facts as (

    select
        customer_id,
        max(ordered_at) as last_any_order_at,
        count(*) filter (where is_revenue) as orders_count,
        count(*) filter (where not is_revenue) as cancellations_count,
        count(*) filter (where status = 'returned') as returns_count,
        min(ordered_at) filter (where is_revenue) as first_ordered_at,
        max(ordered_at) filter (where is_revenue) as last_ordered_at,
        sum(revenue_amount) as spend_total_amount,
        coalesce(
            sum(revenue_amount) filter (where ordered_at > {{ as_of() }} - interval 365 day), 0
        ) as spend_365d_amount
    from customer_orders
    group by customer_id

),

favourites as (

    select
        customer_id,
        max(value) filter (where dimension = 'category') as favourite_category,
        max(value) filter (where dimension = 'brand') as favourite_brand
    from customer_favourites
    where rank = 1
    group by customer_id

),

habits as (

    select
        customer_id,
        max(value) filter (where dimension = 'device_class' and rank = 1) as primary_device_class,
        max(value) filter (where dimension = 'daypart' and rank = 1) as primary_daypart,
        coalesce(max(events_share) filter (where value = 'weekend'), 0) as weekend_share
    from customer_habits
    group by customer_id

),

-- quintiles among buyers, 5 is best; equal values share a quintile
rfm as (

    select
        customer_id,
        cast(ceil(5 * cume_dist() over (order by last_ordered_at)) as integer) as recency_quintile,
        cast(ceil(5 * cume_dist() over (order by orders_count)) as integer) as frequency_quintile,
        cast(ceil(5 * cume_dist() over (order by spend_total_amount)) as integer) as monetary_quintile
    from order_facts
    where orders_count > 0

),

joined as (

    select
        people.customer_id,
        customer_contacts.contact_id_crm,
        people.first_seen_at,
        greatest(
            customer_activity.last_event_at, order_facts.last_any_order_at, people.first_seen_at
        ) as last_seen_at,
        customer_activity.last_event_at,
        customer_activity.last_cart_at,
        customer_activity.last_purchase_at,
        coalesce(order_facts.orders_count, 0) as orders_count,
        coalesce(order_facts.cancellations_count, 0) as cancellations_count,
        order_facts.returns_count
        / nullif(order_facts.orders_count + order_facts.returns_count, 0) as return_rate,
        order_facts.first_ordered_at,
        order_facts.last_ordered_at,
        coalesce(order_facts.spend_total_amount, 0) as spend_total_amount,
        coalesce(order_facts.spend_365d_amount, 0) as spend_365d_amount,
        rfm.recency_quintile,
        rfm.frequency_quintile,
        rfm.monetary_quintile,
        rfm.recency_quintile || '' || rfm.frequency_quintile || rfm.monetary_quintile as rfm_score,
        coalesce(customer_activity.events_30d_count, 0) as events_30d_count,
        coalesce(customer_activity.product_views_7d_count, 0) as product_views_7d_count,
        coalesce(customer_activity.sessions_30d_count, 0) as sessions_30d_count,
        favourites.favourite_category,
        favourites.favourite_brand,
        customer_activity.primary_device,
        habits.primary_device_class,
        habits.primary_daypart,
        habits.weekend_share,
        attributes.region,
        attributes.country,
        attributes.age_band,
        attributes.income_band,
        coalesce(customer_relationship.emails_sent_90d_count, 0) as emails_sent_90d_count,
        coalesce(customer_relationship.emails_opened_90d_count, 0) as emails_opened_90d_count,
        coalesce(customer_relationship.emails_clicked_90d_count, 0) as emails_clicked_90d_count,
        customer_relationship.last_email_clicked_at,
        customer_relationship.email_open_90d_rate,
        customer_relationship.email_click_90d_rate,
        customer_relationship.email_open_trend,
        coalesce(customer_relationship.is_email_opted_in, false) as is_email_opted_in,
        coalesce(customer_relationship.is_web_opted_in, false) as is_web_opted_in,
        coalesce(customer_relationship.tickets_open_count, 0) as tickets_open_count,
        coalesce(customer_relationship.tickets_90d_count, 0) as tickets_90d_count,
        coalesce(customer_relationship.tickets_count, 0)
        / nullif(order_facts.orders_count, 0) as tickets_per_order,
        customer_relationship.time_to_solve_365d_hours,
        customer_relationship.satisfaction_score,
        customer_relationship.last_feedback_at,
        coalesce(customer_relationship.likes_count, 0) as likes_count,
        coalesce(customer_relationship.dislikes_count, 0) as dislikes_count,
        attributes.loyalty_tier,
        customer_relationship.loyalty_points,
        coalesce(customer_relationship.orders_with_promotion_count, 0) as orders_with_promotion_count,
        customer_relationship.discounted_orders_share,
        customer_relationship.price_sensitivity,
        coalesce(customer_activity.is_bot, false) as is_bot,
        anomalous.customer_id is not null as is_anomalous,
        coalesce(
            greatest(customer_activity.last_human_event_at, order_facts.last_any_order_at)
            > {{ as_of() }} - interval 30 day,
            false
        ) as is_active
    from people
    left join customer_contacts on people.customer_id = customer_contacts.customer_id
    left join attributes on people.customer_id = attributes.customer_id
    left join customer_activity on people.customer_id = customer_activity.customer_id
    left join order_facts on people.customer_id = order_facts.customer_id
    left join favourites on people.customer_id = favourites.customer_id
    left join habits on people.customer_id = habits.customer_id
    left join rfm on people.customer_id = rfm.customer_id
    left join customer_relationship on people.customer_id = customer_relationship.customer_id
    left join anomalous on people.customer_id = anomalous.customer_id

),

customers as (

    select
        *,
        case
            when orders_count > 0 and last_ordered_at < {{ as_of() }} - interval 90 day then 'lapsed'
            when orders_count >= 3 then 'loyal'
            when orders_count > 0 then 'customer'
            when last_cart_at > {{ as_of() }} - interval 7 day or product_views_7d_count >= 3 then 'considering'
            else 'browsing'
        end as state,
        case
            when last_ordered_at > {{ as_of() }} - interval 7 day then 'post_purchase'
            when
                last_cart_at > {{ as_of() }} - interval 7 day
                and last_cart_at <= {{ as_of() }} - interval 1 hour
                and (last_purchase_at is null or last_purchase_at < last_cart_at)
                then 'cart_abandoned'
            else 'browsing'
        end as journey_stage
    from joined

)

select
    customer_id,
    contact_id_crm,
    state,
    journey_stage,
    first_seen_at,
    last_seen_at,
    last_event_at,
    last_cart_at,
    last_purchase_at,
    orders_count,
    cancellations_count,
    return_rate,
    first_ordered_at,
    last_ordered_at,
    cast(spend_total_amount as decimal(18, 2)) as spend_total_amount,
    cast(spend_365d_amount as decimal(18, 2)) as spend_365d_amount,
    recency_quintile,
    frequency_quintile,
    monetary_quintile,
    rfm_score,
    events_30d_count,
    product_views_7d_count,
    sessions_30d_count,
    favourite_category,
    favourite_brand,
    primary_device,
    primary_device_class,
    primary_daypart,
    weekend_share,
    region,
    country,
    age_band,
    income_band,
    emails_sent_90d_count,
    emails_opened_90d_count,
    emails_clicked_90d_count,
    last_email_clicked_at,
    email_open_90d_rate,
    email_click_90d_rate,
    email_open_trend,
    is_email_opted_in,
    is_web_opted_in,
    tickets_open_count,
    tickets_90d_count,
    tickets_per_order,
    time_to_solve_365d_hours,
    satisfaction_score,
    last_feedback_at,
    likes_count,
    dislikes_count,
    loyalty_tier,
    loyalty_points,
    orders_with_promotion_count,
    discounted_orders_share,
    price_sensitivity,
    is_bot,
    is_anomalous,
    is_active
from customers
