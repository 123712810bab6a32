with

exported as (

    select * from {{ source('raw', 'rees46') }}

),

-- the whole row is the export's key, so its digest names the event, however the rows are spread over files
named as (

    select
        *,
        'rees46:' || md5(concat_ws(
            '|',
            event_time,
            event_type,
            product_id,
            category_id,
            coalesce(category_code, ''),
            coalesce(brand, ''),
            price_amount,
            user_id,
            coalesce(user_session, '')
        )) as event_id
    from exported

),

renamed as (

    select
        event_id,
        case event_type
            when 'view' then 'product_view'
            when 'cart' then 'add_to_cart'
            else event_type
        end as event_type,
        'rees46:' || user_id as user_id,
        'rees46:' || product_id as product_id,
        category_id as category,
        category_code,
        brand,
        price_amount,
        -- an order is what one user bought in one session of the shop
        case
            when event_type = 'purchase' then 'rees46:' || user_id || ':' || coalesce(user_session, event_id)
        end as order_id,
        case when event_type = 'purchase' then price_amount end as value_amount,
        false as is_bot,
        event_time as occurred_at,
        _arrived_at as arrived_at,
        {{ is_new('event_time') }} as is_new
    from named

)

select * from renamed
