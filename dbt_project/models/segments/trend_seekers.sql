with

product_views as (

    select
        customer_id,
        product_id,
        occurred_at
    from {{ ref('customer_events') }}
    where
        event_type = 'product_view'
        and product_id is not null
        and not is_bot
        and occurred_at > {{ as_of() }} - interval 14 day

),

-- of the past week at least so many times the views of the week before, and enough of them to be no accident
trending_products as (

    select product_id
    from product_views
    group by product_id
    having
        count(*) filter (where occurred_at > {{ as_of() }} - interval 7 day) >= {{ threshold('trend_views') }}
        and count(*) filter (where occurred_at > {{ as_of() }} - interval 7 day)
        >= {{ threshold('trend_growth') }} * count(*) filter (where occurred_at <= {{ as_of() }} - interval 7 day)

),

-- one row a person: the values by which the rule decides
measured as (

    select
        product_views.customer_id,
        count(distinct product_views.product_id) as trending_products_7d_count
    from product_views
    inner join trending_products on product_views.product_id = trending_products.product_id
    where product_views.occurred_at > {{ as_of() }} - interval 7 day
    group by product_views.customer_id

),

trend_seekers as (

    select customer_id
    from measured
    where trending_products_7d_count >= {{ threshold('products') }}

)

select * from trend_seekers
