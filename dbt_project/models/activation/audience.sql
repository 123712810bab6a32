with

activated_memberships as (

    select * from {{ ref('activated_memberships') }}

),

customers as (

    select * from {{ ref('customers') }}

),

audience_attributes as (

    select * from {{ ref('audience_attributes') }}

),

audience as (

    select
        activated_memberships.destination,
        activated_memberships.customer_id,
        customers.contact_id_crm,
        list(activated_memberships.segment_id order by activated_memberships.segment_id) as segment_ids,
        audience_attributes.attributes
    from activated_memberships
    inner join customers on activated_memberships.customer_id = customers.customer_id
    left join audience_attributes
        on
            activated_memberships.destination = audience_attributes.destination
            and activated_memberships.customer_id = audience_attributes.customer_id
    where
        activated_memberships.is_sendable
        and activated_memberships.has_consent
        and activated_memberships.arm = 'treated'
    group by
        activated_memberships.destination,
        activated_memberships.customer_id,
        customers.contact_id_crm,
        audience_attributes.attributes

)

select * from audience
