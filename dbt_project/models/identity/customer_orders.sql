with

orders as (

    select * from {{ ref('orders') }}

),

order_totals as (

    select
        order_id,
        sum(line_amount) as total_amount
    from {{ ref('order_lines') }}
    group by order_id

),

customer_ids as (

    select * from {{ ref('customer_ids') }}

),

owned as (

    select
        coalesce(users.customer_id, emails.customer_id) as customer_id,
        orders.order_id,
        orders.status,
        orders.channel,
        orders.ordered_at,
        orders.status = 'completed' as is_revenue,
        -- cancelled and returned orders are not revenue
        case when orders.status = 'completed' then coalesce(order_totals.total_amount, 0) else 0 end as revenue_amount
    from orders
    left join order_totals on orders.order_id = order_totals.order_id
    left join customer_ids as users
        on users.identifier_type = 'user_id' and orders.user_id = users.identifier_key
    left join customer_ids as emails
        on emails.identifier_type = 'email' and orders.email_hash = emails.identifier_key

)

select * from owned
where customer_id is not null
