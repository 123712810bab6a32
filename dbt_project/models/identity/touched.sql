with

control as (

    select * from {{ source('ops', 'control') }}

),

customer_ids as (

    select * from {{ ref('customer_ids') }}

),

published_before as (

    select * from {{ source('durable', 'customer_ids') }}

),

event_log as (

    select * from {{ ref('event_log') }}

),

product_descriptions as (

    select * from {{ ref('product_descriptions') }}

),

customer_orders as (

    select * from {{ ref('customer_orders') }}

),

consents as (

    select * from {{ ref('consents') }}

),

everybody as (

    select
        customer_ids.customer_id,
        'full' as reason
    from customer_ids
    cross join control
    where control.is_full

),

-- identifiers whose person is another one now: both, for the absorbed person's rows must go
moved as (

    select unnest([published_before.customer_id, customer_ids.customer_id]) as customer_id
    from published_before
    inner join customer_ids
        on
            published_before.identifier_type = customer_ids.identifier_type
            and published_before.identifier_hash = customer_ids.identifier_hash
    where published_before.customer_id <> customer_ids.customer_id

),

-- in a full run everybody is touched: no event is looked at
bounds as (

    select * from control
    where not is_full

),

-- an event that is new, or that left one of the windows that `customer_activity` and, for carts, `customers` count in
reached as (

    select
        event_log.identifier_number,
        case when event_log.run_number = bounds.run_number then 'events' else 'due' end as reason
    from event_log
    cross join bounds
    where
        event_log.run_number = bounds.run_number
        or (
            event_log.occurred_at > bounds.prev_as_of - interval 30 day
            and event_log.occurred_at <= bounds.as_of - interval 30 day
        )
        or (
            event_log.occurred_at > bounds.prev_as_of - interval 7 day
            and event_log.occurred_at <= bounds.as_of - interval 7 day
        )
        or (
            event_log.event_type = 'add_to_cart'
            and event_log.occurred_at > bounds.prev_as_of - interval 1 hour
            and event_log.occurred_at <= bounds.as_of - interval 1 hour
        )

),

-- an order that left one of the windows of `customers`, both edges included
ordered as (

    select customer_orders.customer_id
    from customer_orders
    cross join bounds
    where
        (
            customer_orders.ordered_at >= bounds.prev_as_of - interval 7 day
            and customer_orders.ordered_at <= bounds.as_of - interval 7 day
        )
        or (
            customer_orders.ordered_at >= bounds.prev_as_of - interval 30 day
            and customer_orders.ordered_at <= bounds.as_of - interval 30 day
        )
        or (
            customer_orders.ordered_at >= bounds.prev_as_of - interval 90 day
            and customer_orders.ordered_at <= bounds.as_of - interval 90 day
        )
        or (
            customer_orders.ordered_at >= bounds.prev_as_of - interval 365 day
            and customer_orders.ordered_at <= bounds.as_of - interval 365 day
        )

),

-- whoever a consent may be of that counts from now on
decided as (

    select
        unnest([
            consents.user_id, consents.device_id, consents.anonymous_id, consents.email_hash
        ]) as identifier_key
    from consents
    cross join bounds
    where consents.recorded_at > bounds.prev_as_of and consents.recorded_at <= bounds.as_of

),

-- whoever looked at a product that is in another category now
redescribed as (

    select distinct event_log.identifier_number
    from event_log
    inner join product_descriptions on event_log.product_id = product_descriptions.product_id
    inner join bounds on product_descriptions.run_number = bounds.run_number

),

reasons as (

    select
        customer_id,
        reason
    from everybody
    union all
    select
        customer_id,
        'identity'
    from moved
    union all
    select
        customer_ids.customer_id,
        reached.reason
    from reached
    inner join customer_ids on reached.identifier_number = customer_ids.identifier_number
    union all
    select
        customer_id,
        'due'
    from ordered
    union all
    select
        customer_ids.customer_id,
        'due'
    from decided
    inner join customer_ids on decided.identifier_key = customer_ids.identifier_key
    union all
    select
        customer_ids.customer_id,
        'products'
    from redescribed
    inner join customer_ids on redescribed.identifier_number = customer_ids.identifier_number

),

touched as (

    select
        customer_id,
        list(distinct reason order by reason) as reasons
    from reasons
    group by customer_id

)

select * from touched
