with

anomalies as (

    select * from {{ ref('anomalies') }}

),

customer_orders as (

    select * from {{ ref('customer_orders') }}

),

customer_events as (

    select * from {{ ref('customer_events') }}

),

sessions as (

    select * from {{ ref('sessions') }}

),

-- people known by an account or an e-mail: the only ones whom a score could reach
population as (

    select
        customer_id,
        min(first_seen_at) as first_seen_at,
        list(distinct identifier_hash order by identifier_hash) as identifier_hashes
    from {{ ref('customer_ids') }}
    where
        identifier_type in ('user_id', 'email')
        and first_seen_at <= {{ as_of() }}
        and customer_id not in (select customer_id from anomalies)
    group by customer_id

),

order_features as (

    select
        customer_id,
        max(ordered_at) filter (where is_revenue) as last_ordered_at,
        count(*) filter (where is_revenue) as orders_count,
        count(*) filter (where is_revenue and ordered_at > {{ as_of() }} - interval 90 day) as orders_90d_count,
        sum(revenue_amount) as spend_total_amount,
        sum(revenue_amount) filter (where ordered_at > {{ as_of() }} - interval 90 day) as spend_90d_amount,
        count(*) filter (where not is_revenue) as cancellations_count,
        count(distinct cast(ordered_at as date)) filter (where is_revenue) as order_days_count,
        min(cast(ordered_at as date)) filter (where is_revenue) as first_order_date,
        max(cast(ordered_at as date)) filter (where is_revenue) as last_order_date
    from customer_orders
    group by customer_id

),

event_features as (

    select
        customer_id,
        max(occurred_at) as last_event_at,
        count(distinct cast(occurred_at as date)) as active_28d_days,
        count(*) filter (where event_type = 'product_view') as product_views_28d_count,
        count(*) filter (where event_type = 'add_to_cart') as carts_28d_count,
        count(*) filter (where event_type = 'search') as searches_28d_count,
        count(distinct category) filter (where event_type = 'product_view') as categories_28d_count
    from customer_events
    where occurred_at > {{ as_of() }} - interval 28 day
    group by customer_id

),

session_features as (

    select
        customer_id,
        count(*) as sessions_28d_count
    from sessions
    where started_at > {{ as_of() }} - interval 28 day
    group by customer_id

),

customer_features as (

    select
        population.customer_id,
        population.identifier_hashes,
        {{ as_of() }} as cutoff_at,
        epoch({{ as_of() }} - order_features.last_ordered_at) / 86400.0 as recency_days,
        epoch({{ as_of() }} - population.first_seen_at) / 86400.0 as tenure_days,
        coalesce(order_features.orders_count, 0) as orders_count,
        coalesce(order_features.orders_90d_count, 0) as orders_90d_count,
        cast(coalesce(order_features.spend_total_amount, 0) as double) as spend_total_amount,
        cast(coalesce(order_features.spend_90d_amount, 0) as double) as spend_90d_amount,
        cast(order_features.spend_total_amount as double) / nullif(order_features.orders_count, 0) as mean_order_amount,
        coalesce(order_features.cancellations_count, 0) as cancellations_count,
        -- by day (UTC), as the models of orders to come count: whoever orders twice a day came once
        coalesce(order_features.order_days_count, 0) as order_days_count,
        date_diff('day', order_features.first_order_date, order_features.last_order_date) as order_span_days,
        date_diff('day', order_features.first_order_date, cast({{ as_of() }} as date)) as days_since_first_order,
        epoch({{ as_of() }} - event_features.last_event_at) / 86400.0 as days_since_last_event,
        coalesce(session_features.sessions_28d_count, 0) as sessions_28d_count,
        coalesce(event_features.active_28d_days, 0) as active_28d_days,
        coalesce(event_features.product_views_28d_count, 0) as product_views_28d_count,
        coalesce(event_features.carts_28d_count, 0) as carts_28d_count,
        coalesce(event_features.searches_28d_count, 0) as searches_28d_count,
        coalesce(event_features.categories_28d_count, 0) as categories_28d_count
    from population
    left join order_features on population.customer_id = order_features.customer_id
    left join event_features on population.customer_id = event_features.customer_id
    left join session_features on population.customer_id = session_features.customer_id

)

select * from customer_features
