with

exported as (

    select * from {{ source('raw', 'taobao') }}

),

renamed as (

    select
        -- the whole row is the export's key, so its digest names the event, however the rows are spread over files
        'taobao:' || md5(concat_ws('|', user_id, item_id, category_id, behaviour, unix_seconds)) as event_id,
        case behaviour
            when 'pv' then 'product_view'
            when 'cart' then 'add_to_cart'
            when 'fav' then 'add_to_wishlist'
            when 'buy' then 'purchase'
        end as event_type,
        'taobao:' || user_id as user_id,
        'taobao:' || item_id as product_id,
        category_id as category,
        false as is_bot,
        occurred_at,
        _arrived_at as arrived_at,
        {{ is_new('occurred_at') }} as is_new
    from exported

)

select * from renamed
