with

order_lines as (

    select * from {{ ref('stg_cdnow__order_lines') }}

),

orders as (

    select
        order_id,
        'cdnow:' || min(contact_id_crm) as user_id,
        'completed' as status,
        min(bought_at) as ordered_at
    from order_lines
    group by order_id

)

select * from orders
