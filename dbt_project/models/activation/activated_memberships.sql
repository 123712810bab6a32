with

activations as (

    select * from {{ ref('activations') }}

),

destinations as (

    select * from {{ ref('destinations') }}

),

holdouts as (

    select * from {{ ref('holdouts') }}

),

memberships as (

    select * from {{ ref('memberships') }}

),

catalog as (

    select * from {{ ref('catalog') }}

),

consents as (

    select * from {{ ref('customer_consents') }}

),

-- for what the destination does not declare nothing is sent
declared as (

    select
        activations.destination,
        activations.segment,
        activations.purpose,
        activations.channel,
        coalesce(holdouts.holdout_share, destinations.holdout_share) as holdout_share,
        cast({{ var('global_control_share') }} as double) as global_control_share
    from activations
    inner join destinations
        on
            activations.destination = destinations.destination
            and activations.purpose = destinations.purpose
            and activations.channel = destinations.channel
    left join holdouts
        on activations.destination = holdouts.destination and activations.segment = holdouts.segment

),

-- what is not known to be granted is refused
decided as (

    select
        declared.destination,
        memberships.segment_id,
        memberships.customer_id,
        declared.purpose,
        declared.channel,
        catalog.is_sendable,
        coalesce(consents.is_granted, false) as has_consent,
        declared.holdout_share,
        declared.global_control_share
    from memberships
    inner join declared on memberships.segment_id = declared.segment
    inner join catalog on memberships.segment_id = catalog.segment_id
    left join consents
        on
            memberships.customer_id = consents.customer_id
            and declared.purpose = consents.purpose
            and declared.channel = consents.channel

),

drawn as (

    select
        *,
        case when {{ is_in_control() }} then 'control' else 'treated' end as arm,
        {{ is_in_global_control() }} as is_global_control
    from decided

)

select * from drawn
