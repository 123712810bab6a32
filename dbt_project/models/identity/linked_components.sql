-- `using key` is not yet in sqlfluff's grammar
with recursive -- noqa: PRS

links as materialized (

    select
        better_number as from_number,
        other_number as to_number
    from {{ ref('identifier_links') }}
    where why_not is null
    union all
    select
        other_number,
        better_number
    from {{ ref('identifier_links') }}
    where why_not is null

),

-- the lowest number spreads along the links; `using key` keeps one row an identifier,
-- where a plain recursive CTE emits quadratically many pairs on long paths
labels(identifier_number, component_number) using key (identifier_number) as (

    select from_number, least(from_number, min(to_number))
    from links
    group by from_number
    union
    select links.to_number, min(labels.component_number)
    from labels
    inner join links on labels.identifier_number = links.from_number
    inner join recurring.labels as known on links.to_number = known.identifier_number
    where labels.component_number < known.component_number
    group by links.to_number

),

identifier_numbers as (

    select * from {{ ref('identifier_numbers') }}

)

select
    identifier_numbers.identifier_number,
    coalesce(labels.component_number, identifier_numbers.identifier_number) as component_number
from identifier_numbers
left join labels on identifier_numbers.identifier_number = labels.identifier_number
