with

activated_memberships as (

    select * from {{ ref('activated_memberships') }}

),

customers as (

    select * from {{ ref('customers') }}

),

content_matrix as (

    select * from {{ ref('content_matrix') }}

),

-- what the rows of a channel ask of a person; what none asks makes no difference
asked_segments as (

    select distinct
        channel,
        segment as segment_id
    from content_matrix

),

asked_regions as (

    select distinct
        channel,
        unnest(string_split(regions, '|')) as region
    from content_matrix

),

asked_devices as (

    select distinct
        channel,
        unnest(string_split(usual_devices, '|')) as device_class
    from content_matrix

),

-- as the audience: by segments that may be sent, with consent, and not held out
sent as (

    select
        activated_memberships.destination,
        activated_memberships.channel,
        activated_memberships.customer_id,
        coalesce(
            list(distinct asked_segments.segment_id order by asked_segments.segment_id)
            filter (where asked_segments.segment_id is not null),
            []
        ) as segment_ids
    from activated_memberships
    left join asked_segments
        on
            activated_memberships.channel = asked_segments.channel
            and activated_memberships.segment_id = asked_segments.segment_id
    where
        activated_memberships.is_sendable
        and activated_memberships.has_consent
        and activated_memberships.arm = 'treated'
    group by
        activated_memberships.destination,
        activated_memberships.channel,
        activated_memberships.customer_id

),

described as (

    select
        sent.destination,
        sent.channel,
        sent.customer_id,
        sent.segment_ids,
        customers.journey_stage as stage,
        asked_regions.region,
        asked_devices.device_class as usual_device
    from sent
    inner join customers on sent.customer_id = customers.customer_id
    left join asked_regions on sent.channel = asked_regions.channel and customers.region = asked_regions.region
    left join asked_devices
        on sent.channel = asked_devices.channel and customers.primary_device_class = asked_devices.device_class

),

content_recipients as (

    select
        *,
        md5(
            concat_ws(
                '/', channel, stage, coalesce(region, ''), coalesce(usual_device, ''), array_to_string(segment_ids, '|')
            )
        ) as situation_id
    from described

)

select * from content_recipients
