with

product_views as not materialized (

    select
        customer_id,
        product_id,
        category,
        occurred_at
    from {{ ref('customer_events') }}
    where
        event_type = 'product_view'
        and category is not null
        and occurred_at > {{ as_of() }} - interval 30 day

),

-- of people with as many views of one category within ten minutes; by the others nothing is decided
close_together as (

    {{ crowded('product_views', group_by='category', least='products', seconds=600) }}

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
    from close_together

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
