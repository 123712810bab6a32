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

-- each under the lowest of those beside it
hooked as materialized (

    select
        from_number as identifier_number,
        least(from_number, min(to_number)) as hook_number
    from links
    group by from_number

),

-- and under the hook of that one: what is joined by one identifier is one group then, and most people are one group
grouped as materialized (

    select
        hooked.identifier_number,
        hooks.hook_number as group_number
    from hooked
    inner join hooked as hooks on hooked.hook_number = hooks.identifier_number

),

between_groups as materialized (

    select distinct
        lefts.group_number as from_number,
        rights.group_number as to_number
    from links
    inner join grouped as lefts on links.from_number = lefts.identifier_number
    inner join grouped as rights on links.to_number = rights.identifier_number
    where lefts.group_number <> rights.group_number

),

-- the lowest number spreads along the links of what is left; `using key` keeps one row a group,
-- where a plain recursive CTE emits quadratically many pairs on long paths
labels(group_number, component_number) using key (group_number) as (

    select from_number, least(from_number, min(to_number))
    from between_groups
    group by from_number
    union
    select between_groups.to_number, min(labels.component_number)
    from labels
    inner join between_groups on labels.group_number = between_groups.from_number
    inner join recurring.labels as known on between_groups.to_number = known.group_number
    where labels.component_number < known.component_number
    group by between_groups.to_number

),

identifier_numbers as (

    select * from {{ ref('identifier_numbers') }}

)

select
    identifier_numbers.identifier_number,
    coalesce(
        labels.component_number, grouped.group_number, identifier_numbers.identifier_number
    ) as component_number
from identifier_numbers
left join grouped on identifier_numbers.identifier_number = grouped.identifier_number
left join labels on grouped.group_number = labels.group_number
