with

definitions as (

    select * from {{ ref('segment_definitions') }}

),

-- as they stood before as_of: a run repeated for the same moment replaces what it wrote
known_before as (

    select
        segment_id,
        definition_version,
        rule,
        thresholds,
        group_name,
        group_rank,
        excludes,
        valid_from
    from {{ source('durable', 'definitions_history') }}
    where valid_from < {{ as_of() }}

),

valid_before as (

    select
        segment_id,
        arg_max_null(definition_version, valid_from) as definition_version
    from known_before
    group by segment_id

),

changed as (

    select
        definitions.segment_id,
        definitions.definition_version,
        definitions.rule,
        definitions.thresholds,
        definitions.group_name,
        definitions.group_rank,
        definitions.excludes,
        {{ as_of() }} as valid_from
    from definitions
    left join valid_before on definitions.segment_id = valid_before.segment_id
    where definitions.definition_version is distinct from valid_before.definition_version

),

-- one that comes back begins anew
removed as (

    select
        valid_before.segment_id,
        cast(null as varchar) as definition_version,
        cast(null as varchar) as rule,
        cast(null as varchar) as thresholds,
        cast(null as varchar) as group_name,
        cast(null as integer) as group_rank,
        cast(null as varchar[]) as excludes,
        {{ as_of() }} as valid_from
    from valid_before
    anti join definitions on valid_before.segment_id = definitions.segment_id
    where valid_before.definition_version is not null

)

select * from known_before
union all by name
select * from changed
union all by name
select * from removed
