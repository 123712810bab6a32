with

order_lines as (

    select * from {{ ref('stg_online_retail__order_lines') }}

),

orders as (

    select
        order_id,
        'online_retail:' || max(contact_id_crm) as user_id,
        case when bool_or(is_cancellation) then 'cancelled' else 'completed' end as status,
        min(invoiced_at) as ordered_at
    from order_lines
    group by order_id

)

select * from orders
