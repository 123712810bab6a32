with

activated_memberships as (

    select * from {{ ref('activated_memberships') }}

),

customers as (

    select * from {{ ref('customers') }}

),

audience as (

    select
        activated_memberships.destination,
        activated_memberships.customer_id,
        customers.contact_id_crm,
        list(activated_memberships.segment_id order by activated_memberships.segment_id) as segment_ids
    from activated_memberships
    inner join customers on activated_memberships.customer_id = customers.customer_id
    where
        activated_memberships.is_sendable
        and activated_memberships.has_consent
        and activated_memberships.arm = 'treated'
    group by activated_memberships.destination, activated_memberships.customer_id, customers.contact_id_crm

)

select * from audience
