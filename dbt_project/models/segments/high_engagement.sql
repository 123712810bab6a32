with

product_views as not materialized (

    select
        customer_id,
        product_id,
        occurred_at
    from {{ ref('customer_events') }}
    where
        event_type = 'product_view'
        and product_id is not null
        and occurred_at > {{ as_of() }} - interval 30 day

),

-- of people with as many views of one product within ten minutes; by the others nothing is decided
close_together as (

    {{ crowded('product_views', group_by='product_id', least='views', seconds=600) }}

),

-- at each view: how often its product was seen in the ten minutes up to it
counted as (

    select
        customer_id,
        count(*) over (
            partition by customer_id, product_id
            order by occurred_at
            range between interval 10 minute preceding and current row
        ) as views_count
    from close_together

),

-- one row a person: the values by which the rule decides
measured as (

    select
        customer_id,
        max(views_count) as most_views_count
    from counted
    group by customer_id

),

high_engagement as (

    select customer_id
    from measured
    where most_views_count > {{ threshold('views') }}

)

select * from high_engagement
