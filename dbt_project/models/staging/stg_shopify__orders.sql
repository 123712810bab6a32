with

of_rest as (

    select * from {{ source('raw', 'shopify_orders') }}

),

of_graphql as (

    select * from {{ source('raw', 'shopify_gql_orders') }}

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
    qualify row_number() over (partition by order_id order by synced_at desc) = 1

),

renamed as (

    select
        'shopify:' || order_id as order_id,
        'shopify:' || customer_id as user_id,
        email_hmac as email_hash,
        case
            when cancelled_at is not null or lower(financial_status) = 'voided' then 'cancelled'
            when lower(financial_status) = 'refunded' then 'returned'
            else 'completed'
        end as status,
        case source_name
            when 'web' then 'web'
            when 'pos' then 'store'
            when 'iphone' then 'ios'
            when 'android' then 'android'
        end as channel,
        created_at as ordered_at
    from latest
    where not coalesce(is_test, false) and not coalesce(is_deleted, false)

)

select * from renamed
