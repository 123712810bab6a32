{{ config(materialized='view') }}

with

past_categories as (

    select * from {{ source('past', 'category_features') }}

),

past_features as (

    select * from {{ source('past', 'customer_features') }}

),

training_examples as (

    select * from {{ ref('training_examples') }}

),

customer_ids as (

    select * from {{ ref('customer_ids') }}

),

customer_orders as (

    select * from {{ ref('customer_orders') }}

),

order_lines as (

    select * from {{ ref('order_lines') }}

),

products as (

    select * from {{ ref('products') }}

),

-- whoever holds today what the person held then, bought or did not
holders as (

    {{ past_holders() }}

),

buyers as (

    select distinct
        holders.cutoff_at,
        holders.customer_id,
        products.category
    from holders
    inner join customer_orders
        on
            holders.holder_id = customer_orders.customer_id
            and holders.cutoff_at < customer_orders.ordered_at
            and customer_orders.ordered_at <= holders.cutoff_at + interval 14 day
    inner join order_lines on customer_orders.order_id = order_lines.order_id
    inner join products on order_lines.product_id = products.product_id
    where customer_orders.is_revenue

),

-- of the people of `training_examples`: from the others nothing is learnt
category_examples as (

    select
        past_categories.*,
        buyers.category is not null as bought_next_14d
    from past_categories
    inner join training_examples
        on
            past_categories.customer_id = training_examples.customer_id
            and past_categories.cutoff_at = training_examples.cutoff_at
    left join buyers
        on
            past_categories.customer_id = buyers.customer_id
            and past_categories.cutoff_at = buyers.cutoff_at
            and past_categories.category = buyers.category

)

select * from category_examples
