with recursive

triggers as (

    select * from {{ ref('segment_definitions') }}
    where cool_down_days is not null

),

definitions_history as (

    select * from {{ ref('definitions_history') }}

),

membership_history as (

    select * from {{ ref('membership_history') }}

),

activated_memberships as (

    select * from {{ ref('activated_memberships') }}

),

id_changes as (

    select * from {{ ref('merges') }}

),

-- a run repeated for the same moment replaces what it wrote; everything earlier stands as it was decided
decided_before as (

    select * from {{ source('durable', 'message_intents') }}
    where entered_at < {{ as_of() }}

),

-- where a segment begins or its definition changes, nobody enters by what they did
steady as (

    select triggers.*
    from triggers
    anti join definitions_history
        on triggers.segment_id = definitions_history.segment_id and definitions_history.valid_from = {{ as_of() }}

),

entered as (

    select
        steady.*,
        spells.customer_id,
        spells.started_at as entered_at
    from membership_history as spells
    inner join steady on spells.segment_id = steady.segment_id
    where spells.started_at = {{ as_of() }} and not spells.is_continued and spells.left_at is null

),

-- who was split off now, and was in as the person of before, did nothing either
split_off as (

    select
        entered.segment_id,
        entered.customer_id
    from entered
    inner join id_changes on entered.customer_id = id_changes.into_customer_id and id_changes.merged_at = {{ as_of() }}
    inner join membership_history as spells
        on
            entered.segment_id = spells.segment_id
            and id_changes.from_customer_id = spells.customer_id
            and spells.started_at < {{ as_of() }}
            and (spells.left_at is null or spells.left_at = {{ as_of() }})

),

-- one message an entry: by the destination that the trigger names, else by the first that the segment is sent to
asked as (

    select
        entered.*,
        activated_memberships.destination,
        activated_memberships.purpose as consent_purpose,
        activated_memberships.channel,
        activated_memberships.is_sendable,
        activated_memberships.has_consent,
        activated_memberships.arm
    from entered
    inner join activated_memberships
        on
            entered.segment_id = activated_memberships.segment_id
            and entered.customer_id = activated_memberships.customer_id
            and coalesce(entered.trigger_destination, activated_memberships.destination)
            = activated_memberships.destination
    anti join split_off
        on entered.segment_id = split_off.segment_id and entered.customer_id = split_off.customer_id
    qualify
        row_number() over (
            partition by entered.segment_id, entered.customer_id order by activated_memberships.destination
        ) = 1

),

-- the ids under which the person may have had messages before, and until when: merged into this one, or split off from
known_as as (

    select distinct
        customer_id,
        customer_id as was_id,
        {{ as_of() }} as known_until
    from asked

    union

    select
        known_as.customer_id,
        id_changes.from_customer_id,
        id_changes.merged_at
    from known_as
    inner join id_changes
        on known_as.was_id = id_changes.into_customer_id and known_as.known_until >= id_changes.merged_at

),

-- the control group counts as if it had got its messages, or it would be no comparison
latest as (

    select
        decided_before.segment_id,
        known_as.customer_id,
        max(decided_before.entered_at) as latest_at
    from decided_before
    inner join known_as
        on decided_before.customer_id = known_as.was_id and decided_before.entered_at < known_as.known_until
    where decided_before.status in ('due', 'held_out')
    group by decided_before.segment_id, known_as.customer_id

),

decided as (

    select
        md5(asked.segment_id || ':' || asked.customer_id || ':' || asked.entered_at) as intent_id,
        asked.segment_id,
        asked.customer_id,
        asked.entered_at,
        {{ after_quiet_hours('asked.entered_at', 'asked.quiet_from_hour', 'asked.quiet_to_hour') }} as due_at,
        'entered ' || asked.segment_id || ' at ' || strftime(asked.entered_at, '%Y-%m-%d %H:%M UTC') as reason,
        asked.destination,
        asked.consent_purpose as purpose,
        asked.channel,
        case
            when not asked.is_sendable then 'below_floor'
            when not asked.has_consent then 'no_consent'
            when latest.latest_at + asked.cool_down_days * interval 1 day > asked.entered_at then 'cooled_down'
            when asked.arm = 'control' then 'held_out'
            else 'due'
        end as status
    from asked
    left join latest on asked.segment_id = latest.segment_id and asked.customer_id = latest.customer_id

)

select * from decided_before
union all by name
select * from decided
