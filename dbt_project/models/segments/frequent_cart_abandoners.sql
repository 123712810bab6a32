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

-- what comes next: what else was added, or bought, at the earliest at the same moment
followed as (

    select
        *,
        lead(occurred_at) over (partition by customer_id order by occurred_at, event_type) as next_at
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
        and occurred_at <= {{ as_of() }} - interval 1 hour
        and (next_at is null or next_at > occurred_at + interval 1 hour)

),

-- one row a person: the values by which the rule decides
measured as (

    select
        customer_id,
        count(*) as abandoned_carts_30d_count
    from carts
    group by customer_id

),

frequent_cart_abandoners as (

    select customer_id
    from measured
    where abandoned_carts_30d_count >= {{ threshold('carts') }}

)

select * from frequent_cart_abandoners
