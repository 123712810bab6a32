with

product_views as (

    select * from {{ ref('customer_events') }}
    where
        event_type = 'product_view'
        and occurred_at > {{ as_of() }} - interval 30 day

),

-- at each view: how many products of its category were seen in the ten minutes up to it
counted as (

    select
        customer_id,
        count(distinct product_id) over (
            partition by customer_id, category
            order by occurred_at
            range between interval 10 minute preceding and current row
        ) as products_count
    from product_views
    where category is not null

),

-- one row a person: the values by which the rule decides
measured as (

    select
        customer_id,
        max(products_count) as most_products_count
    from counted
    group by customer_id

),

category_enthusiast as (

    select customer_id
    from measured
    where most_products_count >= {{ threshold('products') }}

)

select * from category_enthusiast
