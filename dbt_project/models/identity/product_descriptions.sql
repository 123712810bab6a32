{{ config(materialized='log') }}

with

products as (

    select * from {{ ref('products') }}

),

described_before as (

    select
        product_id,
        arg_max(row(category, brand), run_number) as description
    from {{ this }}
    where {{ written_before() }}
    group by product_id

),

changed as (

    select
        products.product_id,
        products.category,
        products.brand,
        {{ run_number() }} as run_number
    from products
    left join described_before on products.product_id = described_before.product_id
    where row(products.category, products.brand) is distinct from described_before.description

)

select * from changed
