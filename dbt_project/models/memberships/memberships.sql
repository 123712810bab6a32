with

membership_history as (

    select * from {{ ref('membership_history') }}

),

memberships as (

    select
        segment_id,
        customer_id,
        entered_at,
        definition_version
    from membership_history
    where left_at is null

)

select * from memberships
