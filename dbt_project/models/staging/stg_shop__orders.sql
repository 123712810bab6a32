with

exported as (

    select * from {{ source('raw', 'shop_orders') }}

),

renamed as (

    select
        'shop:' || order_id as order_id,
        'crm:' || contact_id as user_id,
        email_hmac as email_hash,
        status,
        channel,
        ordered_at,
        row(_arrived_at, _batch, _file, _position) as arrival
    from exported

),

-- an order comes again when its status changes: what arrived last holds
latest as (

    select * exclude (arrival)
    from renamed
    qualify row_number() over (partition by order_id order by arrival desc) = 1

)

select * from latest
