with

past_features as (

    select * from {{ source('past', 'customer_features') }}

),

customer_ids as (

    select * from {{ ref('customer_ids') }}

),

customer_orders as (

    select * from {{ ref('customer_orders') }}

),

sessions as (

    select * from {{ ref('sessions') }}

),

anomalies as (

    select * from {{ ref('anomalies') }}

),

-- whoever holds today what the person held then, bought or did not
holders as (

    {{ past_holders() }}

),

-- known for what they are only now: nothing is learnt from them either
found_out as (

    select
        cutoff_at,
        customer_id
    from holders
    where holder_id in (select customer_id from anomalies)

),

buyers as (

    select distinct
        holders.cutoff_at,
        holders.customer_id
    from holders
    inner join customer_orders
        on
            holders.holder_id = customer_orders.customer_id
            and holders.cutoff_at < customer_orders.ordered_at
            and customer_orders.ordered_at <= holders.cutoff_at + interval 14 day
    where customer_orders.is_revenue

),

visitors as (

    select distinct
        holders.cutoff_at,
        holders.customer_id
    from holders
    inner join sessions
        on
            holders.holder_id = sessions.customer_id
            and holders.cutoff_at < sessions.started_at
            and sessions.started_at <= holders.cutoff_at + interval 14 day

),

training_examples as (

    select
        past_features.* exclude (identifier_hashes),
        buyers.customer_id is not null as bought_next_14d,
        buyers.customer_id is null and visitors.customer_id is null as silent_next_14d
    from past_features
    left join buyers
        on
            past_features.customer_id = buyers.customer_id
            and past_features.cutoff_at = buyers.cutoff_at
    left join visitors
        on
            past_features.customer_id = visitors.customer_id
            and past_features.cutoff_at = visitors.cutoff_at
    anti join found_out
        on
            past_features.customer_id = found_out.customer_id
            and past_features.cutoff_at = found_out.cutoff_at

)

select * from training_examples
