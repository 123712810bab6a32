with

-- a session ends with a gap of more than 30 minutes: exactly 30 after its last event it is still open
open_sessions as (

    select
        customer_id,
        started_at
    from {{ ref('sessions') }}
    where ended_at >= {{ as_of() }} - interval 30 minute

),

premium_products as (

    select product_id
    from {{ ref('products') }}
    where price_amount is not null
    qualify cume_dist() over (order by price_amount) > {{ threshold('price_share') }}

),

product_views as (

    select
        customer_id,
        product_id,
        occurred_at
    from {{ ref('customer_events') }}
    where
        event_type = 'product_view'
        and occurred_at > {{ as_of() }} - interval 1 day

),

-- one row a person: the values by which the rule decides
measured as (

    select
        open_sessions.customer_id,
        count(distinct product_views.product_id) as premium_products_now_count
    from open_sessions
    inner join product_views
        on
            open_sessions.customer_id = product_views.customer_id
            and open_sessions.started_at <= product_views.occurred_at
    inner join premium_products on product_views.product_id = premium_products.product_id
    group by open_sessions.customer_id

),

currently_browsing_premium as (

    select customer_id
    from measured
    where premium_products_now_count >= {{ threshold('products') }}

)

select * from currently_browsing_premium
