with

customers as (

    select * from {{ ref('customers') }}

),

app_views as (

    select
        customer_id,
        product_id
    from {{ ref('customer_events') }}
    where
        event_type = 'product_view'
        and platform in ('ios', 'android')
        and occurred_at > {{ as_of() }} - interval 30 day

),

-- one row a person: the values by which the rule decides
measured as (

    select
        customers.customer_id,
        customers.region,
        count(distinct app_views.product_id) as app_products_30d_count
    from customers
    inner join app_views on customers.customer_id = app_views.customer_id
    group by customers.customer_id, customers.region

),

northern_app_browsers as (

    select customer_id
    from measured
    where
        region in ('North East', 'North West', 'Yorkshire and the Humber')
        and app_products_30d_count > {{ threshold('products') }}

)

select * from northern_app_browsers
