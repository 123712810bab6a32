-- `using key` is not yet in sqlfluff's grammar
with recursive -- noqa: PRS

linked as materialized (

    select
        linked_components.component_number,
        numbers.identifier_number,
        numbers.identifier_type,
        numbers.identifier_hash,
        rules.person_limit
    from {{ ref('linked_components') }} as linked_components
    inner join {{ ref('identifier_numbers') }} as numbers
        on linked_components.identifier_number = numbers.identifier_number
    inner join {{ ref('identifier_rules') }} as rules on numbers.identifier_type = rules.identifier_type

),

-- two identifiers that somebody said are of two people
separated as materialized (

    select
        lefts.component_number,
        lefts.identifier_number as left_number,
        rights.identifier_number as right_number
    from {{ source('ledger', 'separations') }} as separations
    inner join linked as lefts
        on separations.left_type = lefts.identifier_type and separations.left_hash = lefts.identifier_hash
    inner join linked as rights
        on separations.right_type = rights.identifier_type and separations.right_hash = rights.identifier_hash
    where lefts.component_number = rights.component_number

),

disputed as materialized (

    select component_number
    from linked
    group by component_number, identifier_type, person_limit
    having count(*) > person_limit
    union
    select component_number from separated

),

-- the links of disputed components, best first: each identifier stays with whom it was seen first (step 0), then what
-- joins two is added one by one, by priority and age; whatever comes after the 64th as one
steps as materialized (

    select
        linked.component_number,
        links.better_number,
        links.other_number,
        case
            when links.is_first then 0
            else least(64, dense_rank() over (
                partition by linked.component_number, links.is_first
                order by links.priority, min_seen.first_seen_at, linked.identifier_hash
            ))
        end as step
    from {{ ref('identifier_links') }} as links
    inner join linked on links.other_number = linked.identifier_number
    inner join {{ ref('identifier_numbers') }} as min_seen on links.other_number = min_seen.identifier_number
    semi join disputed on linked.component_number = disputed.component_number
    where links.why_not is null

),

stages as materialized (

    select component_number, step from steps
    union
    select component_number, 0 from disputed

),

edges as materialized (

    select stages.step, steps.better_number as from_number, steps.other_number as to_number
    from stages
    inner join steps on stages.component_number = steps.component_number and stages.step >= steps.step
    union all
    select stages.step, steps.other_number, steps.better_number
    from stages
    inner join steps on stages.component_number = steps.component_number and stages.step >= steps.step

),

-- the components of every step at once
parts(step, identifier_number, person_number) using key (step, identifier_number) as (

    select stages.step, linked.identifier_number, linked.identifier_number
    from stages
    inner join linked on stages.component_number = linked.component_number
    union
    select edges.step, edges.to_number, min(parts.person_number)
    from parts
    inner join edges on parts.step = edges.step and parts.identifier_number = edges.from_number
    inner join recurring.parts as known
        on edges.step = known.step and edges.to_number = known.identifier_number
    where parts.person_number < known.person_number
    group by edges.step, edges.to_number

),

-- too large, or with two in it that are to be apart; once so, it stays so with every later step
refused as (

    select
        parts.step,
        parts.person_number
    from parts
    inner join linked on parts.identifier_number = linked.identifier_number
    group by parts.step, parts.person_number, linked.identifier_type, linked.person_limit
    having count(*) > linked.person_limit
    union
    select
        lefts.step,
        lefts.person_number
    from separated
    inner join parts as lefts on separated.left_number = lefts.identifier_number
    inner join parts as rights
        on
            separated.right_number = rights.identifier_number
            and lefts.step = rights.step
            and lefts.person_number = rights.person_number

),

-- everybody as of the last step that left their part within limits
within_limits as (

    select
        parts.identifier_number,
        arg_max(
            parts.person_number, case when refused.step is null then parts.step + 1 else 0 - parts.step end
        ) as person_number
    from parts
    left join refused on parts.step = refused.step and parts.person_number = refused.person_number
    group by parts.identifier_number

)

select
    linked.identifier_number,
    coalesce(within_limits.person_number, linked.component_number) as person_number
from linked
left join within_limits on linked.identifier_number = within_limits.identifier_number
