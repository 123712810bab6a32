with

of_rest as (

    select * from {{ source('raw', 'shopify_order_lines') }}

),

of_graphql as (

    select * from {{ source('raw', 'shopify_gql_order_lines') }}

),

exported as (

    select * from of_rest
    union all by name
    select * from of_graphql

),

-- what the connector read last holds
latest as (

    select *
    from exported
    qualify row_number() over (partition by line_id order by synced_at desc) = 1

),

renamed as (

    select
        'shopify:' || order_id as order_id,
        line_id as line_number,
        'shopify:' || product_id as product_id,
        quantity,
        coalesce(unit_price_amount, cast(line_amount / nullif(quantity, 0) as decimal(18, 4))) as unit_price_amount,
        coalesce(line_amount, cast(quantity * unit_price_amount as decimal(18, 4))) as line_amount
    from latest

)

select * from renamed
