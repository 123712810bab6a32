with

activated_memberships as (

    select * from {{ ref('activated_memberships') }}

),

withheld as (

    select
        destination,
        segment_id,
        -- the floor first: of a held segment nobody is asked for consent
        case when not is_sendable then 'floor' else 'consent' end as reason,
        count(*) as customers
    from activated_memberships
    where not is_sendable or not has_consent
    group by all

)

select * from withheld
