with

exported as (

    select * from {{ source('raw', 'shop_promotions') }}

),

renamed as (

    select
        promotion_code,
        discount_percent,
        category,
        valid_from,
        valid_to,
        updated_at,
        row(_arrived_at, _batch, _file, _position) as arrival
    from exported

),

-- the promotion updated last, of one moment the last to arrive
latest as (

    select * exclude (arrival)
    from renamed
    qualify row_number() over (partition by promotion_code order by updated_at desc, arrival desc) = 1

)

select * from latest
