with

order_lines as (

    select * from {{ ref('stg_online_retail__order_lines') }}

),

contacts as (

    select
        'online_retail:' || contact_id_crm as user_id,
        contact_id_crm,
        arg_max(country, invoiced_at) as country,
        min(invoiced_at) as created_at,
        max(invoiced_at) as updated_at,
        max(invoiced_at) as arrived_at
    from order_lines
    where contact_id_crm is not null
    group by contact_id_crm

)

select * from contacts
