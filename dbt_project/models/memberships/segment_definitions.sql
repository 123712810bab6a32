with

stated as (

    select * from {{ ref('stated_definitions') }}

),

known_before as (

    select * from {{ source('durable', 'segment_definitions') }}

),

standing_still as (

    select segment_id
    from {{ ref('segment_checks') }}
    where problem is not null

),

-- a segment in which something is wrong stays as it was; one that never was anything else is nothing yet
in_order as (

    select stated.*
    from stated
    anti join standing_still on stated.segment_id = standing_still.segment_id

),

kept as (

    select known_before.*
    from known_before
    inner join standing_still on known_before.segment_id = standing_still.segment_id

)

select * from in_order
union all by name
select * from kept
