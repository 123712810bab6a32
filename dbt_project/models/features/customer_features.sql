with

cutoffs as (

    select * from {{ ref('cutoffs') }}

),

anomalous as (

    select customer_id from {{ ref('customers') }}
    where is_anomalous

),

customer_orders as (

    select * from {{ ref('customer_orders') }}
    where customer_id not in (select customer_id from anomalous)

),

customer_events as (

    select * from {{ ref('customer_events') }}
    where customer_id not in (select customer_id from anomalous)

),

users as (

    select
        customer_id,
        min(first_seen_at) as first_seen_at
    from {{ ref('customer_ids') }}
    where identifier_type in ('user_id', 'email')
    group by customer_id

),

-- people known by an account or an e-mail at the cut-off: the only ones whom a score could reach
population as (

    select
        users.customer_id,
        users.first_seen_at,
        cutoffs.cutoff_at,
        cutoffs.is_scored
    from users
    inner join cutoffs on users.first_seen_at <= cutoffs.cutoff_at
    where users.customer_id not in (select customer_id from anomalous)

),

order_features as (

    select
        customer_orders.customer_id,
        cutoffs.cutoff_at,
        max(customer_orders.ordered_at) filter (where customer_orders.is_revenue) as last_ordered_at,
        count(*) filter (where customer_orders.is_revenue) as orders_count,
        count(*) filter (
            where customer_orders.is_revenue and customer_orders.ordered_at > cutoffs.cutoff_at - interval 90 day
        ) as orders_90d_count,
        sum(customer_orders.revenue_amount) as spend_total_amount,
        sum(customer_orders.revenue_amount) filter (
            where customer_orders.ordered_at > cutoffs.cutoff_at - interval 90 day
        ) as spend_90d_amount,
        count(*) filter (where not customer_orders.is_revenue) as cancellations_count
    from customer_orders
    inner join cutoffs on customer_orders.ordered_at <= cutoffs.cutoff_at
    group by customer_orders.customer_id, cutoffs.cutoff_at

),

event_features as (

    select
        customer_events.customer_id,
        cutoffs.cutoff_at,
        max(customer_events.occurred_at) as last_event_at,
        count(distinct cast(customer_events.occurred_at as date)) as active_28d_days,
        count(*) filter (where customer_events.event_type = 'product_view') as product_views_28d_count,
        count(*) filter (where customer_events.event_type = 'add_to_cart') as carts_28d_count,
        count(*) filter (where customer_events.event_type = 'search') as searches_28d_count,
        count(distinct customer_events.category) filter (
            where customer_events.event_type = 'product_view'
        ) as categories_28d_count
    from customer_events
    inner join cutoffs
        on
            customer_events.occurred_at <= cutoffs.cutoff_at
            and customer_events.occurred_at > cutoffs.cutoff_at - interval 28 day
    group by customer_events.customer_id, cutoffs.cutoff_at

),

session_features as (

    select
        sessions.customer_id,
        cutoffs.cutoff_at,
        count(*) as sessions_28d_count
    from {{ ref('sessions') }} as sessions
    inner join cutoffs
        on
            sessions.started_at <= cutoffs.cutoff_at
            and sessions.started_at > cutoffs.cutoff_at - interval 28 day
    group by sessions.customer_id, cutoffs.cutoff_at

),

buyers as (

    select distinct
        customer_orders.customer_id,
        cutoffs.cutoff_at
    from customer_orders
    inner join cutoffs
        on
            customer_orders.ordered_at > cutoffs.cutoff_at
            and customer_orders.ordered_at <= cutoffs.cutoff_at + interval 14 day
    where customer_orders.is_revenue

),

customer_features as (

    select
        population.customer_id,
        population.cutoff_at,
        population.is_scored,
        case when not population.is_scored then buyers.customer_id is not null end as bought_next_14d,
        epoch(population.cutoff_at - order_features.last_ordered_at) / 86400.0 as recency_days,
        epoch(population.cutoff_at - population.first_seen_at) / 86400.0 as tenure_days,
        coalesce(order_features.orders_count, 0) as orders_count,
        coalesce(order_features.orders_90d_count, 0) as orders_90d_count,
        cast(coalesce(order_features.spend_total_amount, 0) as double) as spend_total_amount,
        cast(coalesce(order_features.spend_90d_amount, 0) as double) as spend_90d_amount,
        cast(order_features.spend_total_amount as double) / nullif(order_features.orders_count, 0) as mean_order_amount,
        coalesce(order_features.cancellations_count, 0) as cancellations_count,
        epoch(population.cutoff_at - event_features.last_event_at) / 86400.0 as days_since_last_event,
        coalesce(session_features.sessions_28d_count, 0) as sessions_28d_count,
        coalesce(event_features.active_28d_days, 0) as active_28d_days,
        coalesce(event_features.product_views_28d_count, 0) as product_views_28d_count,
        coalesce(event_features.carts_28d_count, 0) as carts_28d_count,
        coalesce(event_features.searches_28d_count, 0) as searches_28d_count,
        coalesce(event_features.categories_28d_count, 0) as categories_28d_count
    from population
    left join order_features
        on
            population.customer_id = order_features.customer_id
            and population.cutoff_at = order_features.cutoff_at
    left join event_features
        on
            population.customer_id = event_features.customer_id
            and population.cutoff_at = event_features.cutoff_at
    left join session_features
        on
            population.customer_id = session_features.customer_id
            and population.cutoff_at = session_features.cutoff_at
    left join buyers
        on
            population.customer_id = buyers.customer_id
            and population.cutoff_at = buyers.cutoff_at

)

select * from customer_features
