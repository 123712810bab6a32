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

-- too small a segment is sent as its parent, by the parent's own line: same destination, purpose and channel
roll_ups as (

    select
        parents.*,
        children.segment as child
    from declared as children
    inner join catalog on children.segment = catalog.segment_id
    inner join declared as parents
        on
            catalog.rolls_up_to = parents.segment
            and children.destination = parents.destination
            and children.purpose = parents.purpose
            and children.channel = parents.channel

),

members as (

    select
        declared.*,
        memberships.customer_id,
        roll_ups.segment as rolls_up_to
    from memberships
    inner join declared on memberships.segment_id = declared.segment
    left join roll_ups on declared.destination = roll_ups.destination and declared.segment = roll_ups.child

    union all by name

    select distinct
        roll_ups.* exclude (child),
        memberships.customer_id,
        cast(null as varchar) as rolls_up_to
    from memberships
    inner join roll_ups on memberships.segment_id = roll_ups.child
    anti join memberships as own
        on roll_ups.segment = own.segment_id and memberships.customer_id = own.customer_id

),

-- what is not known to be granted is refused
decided as (

    select
        members.destination,
        members.segment as segment_id,
        members.customer_id,
        members.purpose,
        members.channel,
        members.rolls_up_to,
        catalog.is_sendable,
        coalesce(consents.is_granted, false) as has_consent,
        members.holdout_share,
        members.global_control_share
    from members
    inner join catalog on members.segment = catalog.segment_id
    left join consents
        on
            members.customer_id = consents.customer_id
            and members.purpose = consents.purpose
            and members.channel = consents.channel

),

drawn as (

    select
        *,
        case when {{ is_in_control() }} then 'control' else 'treated' end as arm,
        {{ is_in_global_control() }} as is_global_control
    from decided

)

select * from drawn
