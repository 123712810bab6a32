with

customer_features as (

    select * from {{ ref('customer_features') }}

),

customer_events as (

    select * from {{ ref('customer_events') }}
    where
        event_type in ('product_view', 'add_to_cart')
        and not is_bot
        and occurred_at > {{ as_of() }} - interval 180 day

),

customer_orders as (

    select * from {{ ref('customer_orders') }}
    where is_revenue

),

order_lines as (

    select * from {{ ref('order_lines') }}

),

products as (

    select * from {{ ref('products') }}

),

weights as (

    select * from {{ ref('interest_weights') }}

),

ordered as (

    select
        customer_orders.customer_id,
        products.category,
        customer_orders.ordered_at
    from customer_orders
    inner join order_lines on customer_orders.order_id = order_lines.order_id
    inner join products on order_lines.product_id = products.product_id

),

bought as (

    select distinct
        customer_id,
        category
    from ordered

),

signals as (

    select
        customer_events.customer_id,
        coalesce(customer_events.category, products.category) as category,
        customer_events.event_type as signal,
        customer_events.occurred_at
    from customer_events
    left join products on customer_events.product_id = products.product_id
    union all
    select
        customer_id,
        category,
        'purchase',
        ordered_at
    from ordered
    where ordered_at > {{ as_of() }} - interval 180 day

),

weighed as (

    select
        signals.customer_id,
        signals.category,
        signals.signal,
        signals.occurred_at,
        signals.occurred_at > {{ as_of() }} - interval 28 day as is_recent,
        weights.weight
        * {{ remaining(as_of() ~ ' - signals.occurred_at', 'weights.half_life_days') }} as weight
    from signals
    inner join weights on signals.signal = weights.signal
    where signals.category is not null

),

-- the last bits of a sum depend on the order in which rows are added: they are cut off
touched as (

    select
        customer_id,
        category,
        round(fsum(weight), 6) as interest_score,
        max(occurred_at) as last_at,
        max(occurred_at) filter (where signal = 'purchase') as last_bought_at,
        count(*) filter (where signal = 'product_view') as category_views_180d_count,
        count(*) filter (where signal = 'product_view' and is_recent) as category_views_28d_count,
        count(*) filter (where signal = 'add_to_cart') as category_carts_180d_count,
        count(*) filter (where signal = 'add_to_cart' and is_recent) as category_carts_28d_count,
        count(distinct cast(occurred_at as date)) filter (where signal = 'purchase') as category_order_180d_days,
        bool_or(is_recent) as is_recent,
        bool_or(is_recent and signal = 'purchase') as is_recently_bought
    from weighed
    group by customer_id, category

),

-- how popular a category is, with everybody: a category is told by this and never by its name
popularity as (

    select
        category,
        count(*) filter (where is_recent) as visitors_count,
        count(*) filter (where is_recently_bought) as buyers_count
    from touched
    group by category

),

buyers as (

    select count(distinct customer_id) as buyers_count
    from touched
    where is_recently_bought

),

placed as (

    select
        customer_id,
        category,
        sum(interest_score) over (partition by customer_id) as total_score,
        row_number() over (partition by customer_id order by interest_score desc, category asc) as interest_rank
    from touched

),

category_features as (

    select
        touched.customer_id,
        touched.category,
        customer_features.cutoff_at,
        touched.interest_score,
        round(touched.interest_score / nullif(placed.total_score, 0), 6) as interest_share,
        placed.interest_rank,
        epoch({{ as_of() }} - touched.last_at) / 86400.0 as days_since_last_touch,
        touched.category_views_28d_count,
        touched.category_carts_28d_count,
        touched.category_views_180d_count,
        touched.category_carts_180d_count,
        touched.category_order_180d_days,
        epoch({{ as_of() }} - touched.last_bought_at) / 86400.0 as days_since_last_category_order,
        popularity.buyers_count / nullif(buyers.buyers_count, 0) as category_buyers_share,
        popularity.buyers_count / nullif(popularity.visitors_count, 0) as category_conversion_share,
        bought.category is not null as has_bought,
        customer_features.tenure_days,
        customer_features.recency_days,
        customer_features.orders_count,
        customer_features.orders_90d_count,
        customer_features.sessions_28d_count,
        customer_features.carts_28d_count
    from touched
    inner join customer_features on touched.customer_id = customer_features.customer_id
    inner join placed on touched.customer_id = placed.customer_id and touched.category = placed.category
    inner join popularity on touched.category = popularity.category
    cross join buyers
    left join bought on touched.customer_id = bought.customer_id and touched.category = bought.category

)

select * from category_features
