with

exported as (

    select * from {{ source('raw', 'eshop2008') }}

),

renamed as (

    select
        'eshop2008:' || session_id || ':' || click as event_id,
        'product_view' as event_type,
        'eshop2008:' || session_id as anonymous_id,
        'web' as platform,
        'eshop2008:' || product_id as product_id,
        case category_code
            when '1' then 'trousers'
            when '2' then 'skirts'
            when '3' then 'blouses'
            when '4' then 'sale'
        end as category,
        price_amount,
        false as is_bot,
        viewed_at as occurred_at,
        _arrived_at as arrived_at,
        {{ is_new('viewed_at') }} as is_new
    from exported

)

select * from renamed
