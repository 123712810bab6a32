with

rule_hits as (

    select * from {{ ref('rule_hits') }}

),

definitions as (

    select * from {{ ref('segment_definitions') }}

),

excluding as (

    select
        segment_id,
        unnest(excludes) as excluded_segment_id
    from definitions

),

-- by the rule of the other segment, whether or not anything keeps the person out of that one
excluded as (

    select
        rule_hits.segment_id,
        rule_hits.customer_id,
        'excluded' as reason,
        min(excluding.excluded_segment_id) as other_segment_id
    from rule_hits
    inner join excluding on rule_hits.segment_id = excluding.segment_id
    inner join rule_hits as others
        on
            excluding.excluded_segment_id = others.segment_id
            and rule_hits.customer_id = others.customer_id
    group by rule_hits.segment_id, rule_hits.customer_id

),

-- whoever is excluded from one segment of a group takes part in the next
competing as (

    select
        rule_hits.segment_id,
        rule_hits.customer_id,
        definitions.group_name,
        definitions.group_rank
    from rule_hits
    inner join definitions on rule_hits.segment_id = definitions.segment_id
    anti join excluded
        on rule_hits.segment_id = excluded.segment_id and rule_hits.customer_id = excluded.customer_id
    where definitions.group_name is not null

),

ranked as (

    select
        segment_id,
        customer_id,
        'outranked' as reason,
        first_value(segment_id) over by_rank as other_segment_id
    from competing
    window by_rank as (partition by group_name, customer_id order by group_rank, segment_id)

),

outranked as (

    select * from ranked
    where segment_id <> other_segment_id

)

select * from excluded
union all by name
select * from outranked
