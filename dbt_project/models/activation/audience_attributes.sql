with

destination_attributes as (

    select * from {{ ref('destination_attributes') }}

),

activated_memberships as (

    select * from {{ ref('activated_memberships') }}

),

customers as (

    select * from {{ ref('customers') }}

),

propensity as (

    select * from {{ source('scores', 'propensity') }}
    where model = 'purchase'

),

affinities as (

    select * from {{ source('scores', 'affinities') }}

),

recommendations as (

    select * from {{ source('scores', 'recommendations') }}

),

-- what was chosen for a person on each channel
content as (

    select
        destination,
        customer_id,
        'content_' || channel || unnest(['', '_strategy', '_block', '_offer', '_message']) as attribute,
        unnest([payload, strategy, block_id, offer_id, message_id]) as value
    from {{ ref('content') }}

),

-- by what purposes somebody is sent to a destination that is told attributes
sent as (

    select distinct
        activated_memberships.destination,
        activated_memberships.customer_id,
        activated_memberships.purpose
    from activated_memberships
    where
        activated_memberships.is_sendable
        and activated_memberships.has_consent
        and activated_memberships.arm = 'treated'
        and activated_memberships.destination in (select destination_attributes.destination from destination_attributes)

),

tellable as (

    {{ tellable('sent') }}

),

known as (

    unpivot tellable on columns(* exclude (customer_id)) into name attribute value value

),

-- a person has every name of the destination; what is not known, or not held for a purpose of theirs, is empty
told as (

    select
        sent.destination,
        sent.customer_id,
        destination_attributes.name,
        max(coalesce(content.value, known.value)) filter (where destination_attributes.purpose = sent.purpose) as value
    from sent
    inner join destination_attributes on sent.destination = destination_attributes.destination
    left join known
        on sent.customer_id = known.customer_id and destination_attributes.attribute = known.attribute
    left join content
        on
            sent.destination = content.destination
            and sent.customer_id = content.customer_id
            and destination_attributes.attribute = content.attribute
    group by sent.destination, sent.customer_id, destination_attributes.name

),

-- one text a set, so that it is compared as it is sent
audience_attributes as (

    select
        destination,
        customer_id,
        '{'
        || string_agg(to_json(name) || ':' || coalesce(cast(to_json(value) as varchar), 'null'), ',' order by name)
        || '}' as attributes
    from told
    group by destination, customer_id

)

select * from audience_attributes
