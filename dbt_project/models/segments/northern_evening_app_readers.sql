-- written by `smalti segments compile` from the rule in northern_evening_app_readers.yml: change it there
with

customers as (

    select * from {{ ref('customers') }}

),

customer_events as (

    select * from {{ ref('customer_events') }}

),

evening_views as (

    select
        customer_id,
        count(*) as evening_views_count
    from customer_events
    where
        event_type = 'product_view'
        and category = 'books'
        and platform in ('ios', 'android')
        and extract('hour' from occurred_at) >= {{ threshold('from_hour') }}
        and extract('hour' from occurred_at) < {{ threshold('to_hour') }}
        and occurred_at > {{ as_of() }} - interval 30 day
    group by customer_id

),

measured as (

    -- one row a person: the values by which the rule decides
    select
        customers.customer_id,
        customers.region,
        coalesce(evening_views.evening_views_count, 0) as evening_views_count
    from customers
    left join evening_views on customers.customer_id = evening_views.customer_id

),

northern_evening_app_readers as (

    select customer_id
    from measured
    where
        region in ('North East', 'North West', 'Yorkshire and the Humber')
        and evening_views_count >= {{ threshold('views') }}

)

select * from northern_evening_app_readers
