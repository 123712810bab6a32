with

stated as (

    select * from {{ ref('stated_definitions') }}

),

known_before as (

    select * from {{ source('durable', 'segment_definitions') }}

),

checks as (

    select * from {{ ref('segment_checks') }}

),

-- a segment in which something is wrong stays as it was; one that never was anything else is nothing yet
in_order as (

    select stated.*
    from stated
    anti join (select * from checks where problem is not null) as wrong on stated.segment_id = wrong.segment_id

),

kept as (

    select known_before.*
    from known_before
    inner join checks on known_before.segment_id = checks.segment_id
    where checks.problem is not null

)

select * from in_order
union all by name
select * from kept
