with

activations as (

    select * from {{ ref('activations') }}

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

-- what is not known to be granted is refused
decided as (

    select
        activations.destination,
        memberships.segment_id,
        memberships.customer_id,
        catalog.is_sendable,
        coalesce(consents.is_granted, false) as has_consent
    from memberships
    inner join activations on memberships.segment_id = activations.segment
    inner join catalog on memberships.segment_id = catalog.segment_id
    left join consents
        on
            memberships.customer_id = consents.customer_id
            and activations.purpose = consents.purpose
            and activations.channel = consents.channel

)

select * from decided
