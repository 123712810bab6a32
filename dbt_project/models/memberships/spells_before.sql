with

-- a merged person's spells go on under the id that stays; the spells know earlier merges already,
-- and an id that ended then may have come back by a split
merged as (

    select
        from_customer_id,
        min(into_customer_id) as into_customer_id
    from {{ ref('merges') }}
    where evidence like 'merged%' and merged_at = {{ as_of() }}
    group by from_customer_id

),

-- spells as they stood before as_of: a run repeated for the same moment replaces what it wrote
spells_before as (

    select
        spells.segment_id,
        coalesce(merged.into_customer_id, spells.customer_id) as customer_id,
        spells.entered_at,
        spells.started_at,
        case when spells.left_at < {{ as_of() }} then spells.left_at end as left_at,
        case when spells.left_at < {{ as_of() }} then spells.left_reason end as left_reason,
        spells.definition_version,
        spells.is_continued
    from {{ source('durable', 'membership_history') }} as spells
    left join merged on spells.customer_id = merged.from_customer_id
    where spells.started_at < {{ as_of() }}

)

select * from spells_before
