with

due as (

    select * from {{ ref('activated_memberships') }}
    where is_sendable and has_consent

),

-- an id that ended now; one that ended earlier has no open spell
merged as (

    select distinct from_customer_id as customer_id
    from {{ ref('merges') }}
    where evidence like 'merged%' and merged_at = {{ as_of() }}

),

-- spells as they stood before as_of: a run repeated for the same moment replaces what it wrote
known_before as (

    select
        destination,
        segment_id,
        customer_id,
        arm,
        is_global_control,
        holdout_share,
        global_control_share,
        exposed_at,
        case when ended_at < {{ as_of() }} then ended_at end as ended_at,
        case when ended_at < {{ as_of() }} then ended_reason end as ended_reason
    from {{ source('durable', 'exposures') }}
    where exposed_at < {{ as_of() }}

),

closed as (

    select * from known_before
    where ended_at is not null

),

open_before as (

    select * from known_before
    where ended_at is null

),

-- a spell goes on while the person is due under the same shares: one arm, and one chance of it
compared as (

    select
        open_before.* exclude (ended_at, ended_reason),
        case
            when merged.customer_id is not null then 'merged'
            when due.customer_id is null then 'left'
            when due.holdout_share <> open_before.holdout_share then 'redrawn'
            when due.global_control_share <> open_before.global_control_share then 'redrawn'
        end as ended_reason
    from open_before
    left join due
        on
            open_before.destination = due.destination
            and open_before.segment_id = due.segment_id
            and open_before.customer_id = due.customer_id
    left join merged on open_before.customer_id = merged.customer_id

),

continued as (

    select
        *,
        case when ended_reason is not null then {{ as_of() }} end as ended_at
    from compared

),

opened as (

    select
        due.destination,
        due.segment_id,
        due.customer_id,
        due.arm,
        due.is_global_control,
        due.holdout_share,
        due.global_control_share,
        {{ as_of() }} as exposed_at,
        cast(null as timestamp) as ended_at,
        cast(null as varchar) as ended_reason
    from due
    left join continued
        on
            due.destination = continued.destination
            and due.segment_id = continued.segment_id
            and due.customer_id = continued.customer_id
            and continued.ended_at is null
    where continued.customer_id is null

)

select * from closed
union all by name
select * from continued
union all by name
select * from opened
