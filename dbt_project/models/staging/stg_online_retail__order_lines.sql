with

exported as (

    select * from {{ source('raw', 'online_retail') }}

),

renamed as (

    select
        'online_retail:' || invoice_no as order_id,
        -- the row's position is its key: an invoice is spread over one file, so positions within it never meet
        _position as line_number,
        stock_code as product_id,
        quantity,
        unit_price_amount,
        cast(quantity * unit_price_amount as decimal(18, 4)) as line_amount,
        -- the export writes whole numbers as 17850.0
        regexp_replace(customer_no, '\.0$', '') as contact_id_crm,
        coalesce(country_code, country) as country,
        invoice_no like 'C%' as is_cancellation,
        invoiced_at
    from exported

)

select * from renamed
