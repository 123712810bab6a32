with

order_lines as (

    select * from {{ ref('stg_cdnow__order_lines') }}

),

contacts as (

    select
        'cdnow:' || contact_id_crm as user_id,
        contact_id_crm,
        min(bought_at) as created_at,
        max(bought_at) as updated_at,
        max(bought_at) as arrived_at
    from order_lines
    group by contact_id_crm

)

select * from contacts
