with

product_signals as (

    select * from {{ ref('product_signals') }}

),

marked as (

    select
        shopper_number,
        product_number,
        occurred_at,
        coalesce(
            occurred_at - lag(occurred_at) over (partition by shopper_number order by occurred_at) > interval 30 minute,
            true
        ) as is_start
    from product_signals

),

numbered as (

    select
        shopper_number,
        product_number,
        occurred_at,
        count(*) filter (where is_start) over (
            partition by shopper_number order by occurred_at
            range between unbounded preceding and current row
        ) as session_number
    from marked

),

session_products as (

    select
        shopper_number,
        session_number,
        product_number,
        min({{ fortnight('occurred_at') }}) as period
    from numbered
    group by shopper_number, session_number, product_number

),

-- who looks at more than 30 products in one session compares nothing, and pairs grow with the square
pairable as (

    select * from session_products
    qualify count(*) over (partition by shopper_number, session_number) between 2 and 30

),

-- a pair counts once the later of the two was seen
pairs as (

    select
        one.product_number,
        other.product_number as other_number,
        greatest(one.period, other.period) as period,
        cast(count(*) as integer) as sessions_count
    from pairable as one
    inner join pairable as other
        on one.shopper_number = other.shopper_number and one.session_number = other.session_number
    where one.product_number <> other.product_number
    group by one.product_number, other.product_number, greatest(one.period, other.period)

),

co_occurrences as (

    select * from pairs
    qualify
        row_number() over (
            partition by product_number, period
            order by sessions_count desc, other_number asc
        ) <= 100

)

select * from co_occurrences
