with

product_signals as (

    select * from {{ ref('product_signals') }}

),

weights as (

    select * from {{ ref('interest_weights') }}

),

weighed as (

    select
        product_signals.*,
        weights.weight
        * {{ remaining(as_of() ~ ' - product_signals.occurred_at', 'weights.half_life_days') }} as weight,
        {{ fortnight('product_signals.occurred_at') }} as period
    from product_signals
    inner join weights on product_signals.signal = weights.signal

),

-- an order and the visit that ended in it tell of one purchase: it counts by its day
interactions as (

    select
        shopper_number,
        product_number,
        period,
        cast(count(*) filter (where signal = 'product_view') as integer) as views,
        cast(count(*) filter (where signal = 'add_to_cart') as integer) as carts,
        cast(count(distinct cast(occurred_at as date)) filter (where signal = 'purchase') as integer) as purchases,
        max(occurred_at) as last_at,
        round(fsum(weight), 6) as weight
    from weighed
    group by shopper_number, product_number, period

)

select * from interactions
