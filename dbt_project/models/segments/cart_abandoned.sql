with

carts_and_purchases as (

    select
        customer_id,
        event_type,
        occurred_at
    from {{ ref('customer_events') }}
    where
        event_type in ('add_to_cart', 'purchase')
        and occurred_at > {{ as_of() }} - interval 7 day

),

-- at each event: the purchases from its very moment up to exactly an hour later
followed as (

    select
        *,
        count(*) filter (where event_type = 'purchase') over (
            partition by customer_id
            order by occurred_at
            range between current row and interval 1 hour following
        ) as purchases_1h_count
    from carts_and_purchases

),

-- one row a person: the values by which the rule decides
measured as (

    select
        customer_id,
        max(occurred_at) as last_cart_at,
        arg_max(purchases_1h_count, occurred_at) as last_cart_purchases_1h_count
    from followed
    where event_type = 'add_to_cart'
    group by customer_id

),

cart_abandoned as (

    select customer_id
    from measured
    where
        last_cart_at <= {{ as_of() }} - interval 1 hour
        and last_cart_purchases_1h_count = 0

)

select * from cart_abandoned
