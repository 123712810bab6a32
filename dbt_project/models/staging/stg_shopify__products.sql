with

of_rest as (

    select * from {{ source('raw', 'shopify_products') }}

),

of_graphql as (

    select * from {{ source('raw', 'shopify_gql_products') }}

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
    qualify row_number() over (partition by product_id order by synced_at desc) = 1

),

renamed as (

    select
        'shopify:' || product_id as product_id,
        name,
        category,
        brand,
        updated_at
    from latest
    where not coalesce(is_deleted, false)

)

select * from renamed
