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
        ordered_at
    from exported

)

select * from renamed
