with

known_since as (

    select min(seen_at) as seen_at
    from (
        select min(occurred_at) as seen_at from {{ ref('customer_events') }}
        union all
        select min(ordered_at) as seen_at from {{ ref('customer_orders') }}
    )

),

-- one to score, one to test on, one to calibrate on, the others to train on;
-- each label lies 14 days ahead and is closed, because the next cut-off is at most as_of
stepped as (

    select
        range as step,
        {{ as_of() }} - to_days(cast(14 * range as integer)) as cutoff_at
    from range(7)

)

select
    cast(stepped.step as integer) as step,
    stepped.cutoff_at,
    stepped.step = 0 as is_scored
from stepped
cross join known_since
where stepped.step = 0 or stepped.cutoff_at >= known_since.seen_at + interval 28 day
