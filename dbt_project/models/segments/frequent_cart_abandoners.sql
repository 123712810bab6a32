with

carts_and_purchases as (

    select
        customer_id,
        event_type,
        occurred_at
    from {{ ref('customer_events') }}
    where
        event_type in ('add_to_cart', 'purchase')
        and occurred_at > {{ as_of() }} - interval 30 day

),

-- at each event: the purchases, and what else was added, up to exactly an hour later
followed as (

    select
        *,
        count(*) filter (where event_type = 'purchase') over (
            partition by customer_id
            order by occurred_at
            range between current row and interval 1 hour following
        ) as purchases_1h_count,
        count(*) filter (where event_type = 'add_to_cart') over (
            partition by customer_id
            order by occurred_at
            range between interval 1 microsecond following and interval 1 hour following
        ) as added_1h_count
    from carts_and_purchases

),

-- what was added within an hour is one cart: it ends with the last of it
carts as (

    select
        customer_id,
        occurred_at
    from followed
    where
        event_type = 'add_to_cart'
        and added_1h_count = 0
        and purchases_1h_count = 0
        and occurred_at <= {{ as_of() }} - interval 1 hour

),

-- one row a person: the values by which the rule decides
measured as (

    select
        customer_id,
        count(distinct occurred_at) as abandoned_carts_30d_count
    from carts
    group by customer_id

),

frequent_cart_abandoners as (

    select customer_id
    from measured
    where abandoned_carts_30d_count >= {{ threshold('carts') }}

)

select * from frequent_cart_abandoners
