with recursive

definitions as (

    select * from {{ ref('segment_definitions') }}

),

checks as (

    select * from {{ ref('segment_checks') }}

),

memberships as (

    select * from {{ ref('memberships') }}

),

customers as (

    select * from {{ ref('customers') }}

),

sizes as (

    select
        memberships.segment_id,
        count(*) as members,
        count(*) filter (where customers.is_active) as active_members
    from memberships
    inner join customers on memberships.customer_id = customers.customer_id
    group by memberships.segment_id

),

judged as (

    select
        definitions.segment_id,
        definitions.owner,
        definitions.tier,
        definitions.purpose,
        definitions.review_by,
        definitions.definition_version,
        definitions.parent,
        coalesce(sizes.members, 0) as members,
        coalesce(sizes.active_members, 0) as active_members,
        coalesce(sizes.active_members, 0) >= control.segment_floor as is_sendable,
        case
            when coalesce(sizes.active_members, 0) < control.segment_floor
                then 'fewer than ' || control.segment_floor || ' active members'
        end as why_not,
        checks.problem
    from definitions
    cross join {{ source('ops', 'control') }} as control
    left join sizes on definitions.segment_id = sizes.segment_id
    left join checks on definitions.segment_id = checks.segment_id

),

-- from a segment that may not be sent upwards, to the first that may
ancestors as (

    select
        segment_id,
        parent
    from judged
    where not is_sendable

    union

    select
        ancestors.segment_id,
        judged.parent
    from ancestors
    inner join judged on ancestors.parent = judged.segment_id
    where not judged.is_sendable

),

roll_ups as (

    select
        ancestors.segment_id,
        ancestors.parent
    from ancestors
    inner join judged on ancestors.parent = judged.segment_id
    where judged.is_sendable

),

catalog as (

    select
        judged.* exclude (parent),
        roll_ups.parent as rolls_up_to
    from judged
    left join roll_ups on judged.segment_id = roll_ups.segment_id

)

select * from catalog
