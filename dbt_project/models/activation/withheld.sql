with

activated_memberships as (

    select * from {{ ref('activated_memberships') }}

),

withheld as (

    select
        destination,
        segment_id,
        -- the floor first: of a held segment nobody is asked for consent, and nobody is held out
        case
            when not is_sendable then 'floor'
            when not has_consent then 'consent'
            else 'holdout'
        end as reason,
        count(*) as customers
    from activated_memberships
    where
        (not is_sendable or not has_consent or arm = 'control')
        -- sent as the parent: of that they are counted
        and rolls_up_to is null
    group by all

)

select * from withheld
