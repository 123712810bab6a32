with

audience as (

    select * from {{ ref('audience') }}

),

accepted as (

    select * from {{ source('ledger', 'accepted') }}

),

compared as (

    select
        coalesce(audience.destination, accepted.destination) as destination,
        coalesce(audience.customer_id, accepted.customer_id) as customer_id,
        audience.contact_id_crm,
        -- leaving everything is an empty set, so that a retry is harmless
        coalesce(audience.segment_ids, cast([] as varchar[])) as segment_ids,
        audience.attributes,
        case
            when accepted.customer_id is null then 'added'
            when audience.customer_id is null then 'removed'
            else 'changed'
        end as change
    from audience
    full outer join accepted
        on audience.destination = accepted.destination and audience.customer_id = accepted.customer_id
    where
        audience.segment_ids is distinct from accepted.segment_ids
        or audience.attributes is distinct from accepted.attributes

)

select * from compared
