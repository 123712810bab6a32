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

-- what linkage found has a rule of its own: without that row it joins nobody
ruled as (

    select
        pairs.*,
        rules.priority,
        rules.joins_limit,
        coalesce(rules.joins_window_days, 100000) as joins_window_days
    from pairs
    inner join rules
        on rules.identifier_type = case when pairs.evidence = 'linkage' then 'linkage' else pairs.other_type end

),

-- of each kind of better identifier, how many it had met within the window that ends here; ever without a window
counted as (

    select
        *,
        count(*) over (
            partition by other_number, better_type, evidence
            order by first_seen_at
            -- a window of its own length for each type is not in sqlfluff's grammar
            range between to_days(joins_window_days) preceding and current row -- noqa: PRS
        ) as joined_count
    from ruled

),

judged as (

    select
        counted.*,
        max(counted.joined_count) over (partition by counted.other_number, counted.evidence) as most_joined_count,
        counted.evidence = 'record'
        and row_number() over (
            partition by counted.other_number, counted.evidence
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
    evidence,
    match_weight,
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
