with

of_rest as (

    select * from {{ source('raw', 'shopify_customers') }}

),

of_graphql as (

    select * from {{ source('raw', 'shopify_gql_customers') }}

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
    qualify row_number() over (partition by customer_id order by synced_at desc) = 1

),

renamed as (

    select
        'shopify:' || customer_id as user_id,
        customer_id as contact_id_crm,
        email_hmac as email_hash,
        phone_hmac as phone_hash,
        first_name_hmac as first_name_hash,
        created_at,
        updated_at,
        _arrived_at as arrived_at
    from latest

)

select * from renamed
