with

content_matrix as (

    select
        *,
        string_split(regions, '|') as in_regions,
        string_split(usual_devices, '|') as on_devices,
        -- who says more comes first
        cast(segment <> '*' as integer)
        + cast(stage <> '*' as integer)
        + cast(regions is not null as integer)
        + cast(usual_devices is not null as integer)
        + cast(hours is not null as integer)
        + cast(devices is not null as integer)
        + cast(coalesce(valid_from, valid_to) is not null as integer) as specificity
    from {{ ref('content_matrix') }}

),

situations as (

    select distinct
        situation_id,
        channel,
        segment_ids,
        stage,
        region,
        usual_device
    from {{ ref('content_recipients') }}

),

judged as (

    select
        situations.situation_id,
        situations.channel,
        content_matrix.row_id,
        content_matrix.specificity,
        content_matrix.priority,
        content_matrix.block_id,
        content_matrix.offer_id,
        content_matrix.message_id,
        content_matrix.hours,
        content_matrix.devices,
        -- the last day counts in full
        content_matrix.valid_to + interval 1 day as valid_until,
        case
            when content_matrix.segment <> '*' and not list_contains(situations.segment_ids, content_matrix.segment)
                then 'segment'
            when content_matrix.stage <> '*' and content_matrix.stage <> situations.stage then 'stage'
            when not coalesce(list_contains(content_matrix.in_regions, situations.region), regions is null)
                then 'region'
            when not coalesce(list_contains(content_matrix.on_devices, situations.usual_device), usual_devices is null)
                then 'usual_device'
            when content_matrix.valid_from > {{ as_of() }} then 'not_yet_valid'
            when content_matrix.valid_to + interval 1 day <= {{ as_of() }} then 'no_longer_valid'
        end as passed_over_for
    from situations
    inner join content_matrix on situations.channel = content_matrix.channel

),

ranked as (

    select
        *,
        row_number() over (
            partition by situation_id, passed_over_for is null
            order by specificity desc, priority asc, row_id asc
        ) as place,
        -- nothing that is known only where it is shown decides on it
        hours is null and devices is null and valid_until is null as is_unconditional
    from judged

),

-- whoever shows it takes the first whose conditions hold: what comes after the first without any is never reached
ended as (

    select
        *,
        min(place) filter (where passed_over_for is null and is_unconditional)
            over (partition by situation_id) as last_place
    from ranked

),

content_candidates as (

    select
        situation_id,
        channel,
        row_id,
        case when passed_over_for is null and place <= last_place then place end as rank,
        case when passed_over_for is null and place > last_place then 'outranked' else passed_over_for end
            as passed_over_for,
        specificity,
        priority,
        block_id,
        offer_id,
        message_id,
        hours,
        devices,
        valid_until
    from ended

)

select * from content_candidates
