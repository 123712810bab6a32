with

customers as (

    select * from {{ ref('customers') }}

),

-- hours are UTC, as all times are
evening_views as (

    select customer_id
    from {{ ref('customer_events') }}
    where
        event_type = 'product_view'
        and category = 'books'
        and platform in ('ios', 'android')
        and occurred_at > {{ as_of() }} - interval 30 day
        and extract('hour' from occurred_at) >= {{ threshold('from_hour') }}
        and extract('hour' from occurred_at) < {{ threshold('to_hour') }}

),

-- one row a person: the values by which the rule decides
measured as (

    select
        customers.customer_id,
        customers.region,
        count(*) as evening_book_views_30d_count
    from customers
    inner join evening_views on customers.customer_id = evening_views.customer_id
    group by customers.customer_id, customers.region

),

northern_evening_app_readers as (

    select customer_id
    from measured
    where
        region in ('North East', 'North West', 'Yorkshire and the Humber')
        and evening_book_views_30d_count >= {{ threshold('views') }}

)

select * from northern_evening_app_readers
