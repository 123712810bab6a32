with

definitions as (

    select * from {{ ref('segment_definitions') }}

),

hits as (

    select
        segment_hits.segment_id,
        segment_hits.customer_id,
        definitions.definition_version
    from {{ ref('segment_hits') }} as segment_hits
    inner join definitions on segment_hits.segment_id = definitions.segment_id

),

known_before as (

    select * from {{ ref('spells_before') }}

),

closed as (

    select * from known_before
    where left_at is not null

),

-- one open spell a person and segment, also after a merge of two members: the earlier one
open_before as (

    select * from known_before
    where left_at is null
    qualify row_number() over (partition by segment_id, customer_id order by entered_at, started_at) = 1

),

redefined as (

    select distinct open_before.segment_id
    from open_before
    inner join definitions on open_before.segment_id = definitions.segment_id
    where open_before.definition_version <> definitions.definition_version

),

-- a redefinition closes every open spell; otherwise those close whose person left
continued as (

    select
        open_before.segment_id,
        open_before.customer_id,
        open_before.entered_at,
        open_before.started_at,
        case
            when redefined.segment_id is not null or hits.customer_id is null then {{ as_of() }}
        end as left_at,
        case
            when redefined.segment_id is not null then 'redefined'
            when hits.customer_id is null then 'left'
        end as left_reason,
        open_before.definition_version,
        open_before.is_continued
    from open_before
    left join redefined on open_before.segment_id = redefined.segment_id
    left join hits
        on open_before.segment_id = hits.segment_id and open_before.customer_id = hits.customer_id

),

-- newcomers enter now; survivors of a redefinition go on with the date on which they first entered
opened as (

    select
        hits.segment_id,
        hits.customer_id,
        coalesce(open_before.entered_at, {{ as_of() }}) as entered_at,
        {{ as_of() }} as started_at,
        cast(null as timestamp) as left_at,
        cast(null as varchar) as left_reason,
        hits.definition_version,
        open_before.customer_id is not null as is_continued
    from hits
    left join open_before
        on hits.segment_id = open_before.segment_id and hits.customer_id = open_before.customer_id
    left join redefined on hits.segment_id = redefined.segment_id
    where open_before.customer_id is null or redefined.segment_id is not null

)

select * from closed
union all by name
select * from continued
union all by name
select * from opened
