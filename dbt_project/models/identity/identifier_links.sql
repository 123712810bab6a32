with

pairs as (

    select * from {{ ref('identifier_pairs') }}

),

numbers as (

    select * from {{ ref('identifier_numbers') }}

),

rules as (

    select * from {{ ref('identifier_rules') }}

),

-- of each kind of better identifier, how many it had met within the window that ends here; ever without a window
counted as (

    select
        pairs.*,
        rules.priority,
        rules.joins_limit,
        count(*) over (
            partition by pairs.other_number, pairs.better_type
            order by pairs.first_seen_at
            -- a window of its own length for each type is not in sqlfluff's grammar
            range between to_days(coalesce(rules.joins_window_days, 100000)) preceding and current row -- noqa: PRS
        ) as joined_count
    from pairs
    inner join rules on pairs.other_type = rules.identifier_type

),

judged as (

    select
        counted.*,
        max(counted.joined_count) over (partition by counted.other_number) as most_joined_count,
        row_number() over (
            partition by counted.other_number
            order by betters.priority, counted.first_seen_at, betters.identifier_hash
        ) = 1 as is_first
    from counted
    inner join numbers as betters on counted.better_number = betters.identifier_number

)

select
    better_type,
    better_number,
    other_type,
    other_number,
    first_seen_at,
    priority,
    is_first,
    is_contradicted,
    case
        -- as a family's tablet or a number that was given to somebody else: it joins nobody
        when most_joined_count > joins_limit then 'over_limit'
        -- it stays with whom it was seen first
        when is_contradicted and not is_first then 'contradicted'
    end as why_not
from judged
