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
        _arrived_at as arrived_at,
        _position as position
    from exported

),

-- an order comes again when its status changes: what arrived last holds
latest as (

    select * exclude (arrived_at, position)
    from renamed
    qualify row_number() over (partition by order_id order by arrived_at desc, position desc) = 1

)

select * from latest
