with

exported as (

    select * from {{ source('raw', 'cdnow') }}

),

renamed as (

    select
        'cdnow:' || customer_id || ':' || day as order_id,
        -- the row's position is its key: the same purchase twice a day is two
        _position as line_number,
        cds_count as quantity,
        total_amount as line_amount,
        customer_id as contact_id_crm,
        bought_at
    from exported

)

select * from renamed
