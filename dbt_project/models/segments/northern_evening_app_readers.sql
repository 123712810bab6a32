with

customers as (

    select * from {{ ref('customers') }}
    where region in ('North East', 'North West', 'Yorkshire and the Humber')

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

northern_evening_app_readers as (

    select customers.customer_id
    from customers
    inner join evening_views on customers.customer_id = evening_views.customer_id
    group by customers.customer_id
    having count(*) >= {{ threshold('views') }}

)

select * from northern_evening_app_readers
