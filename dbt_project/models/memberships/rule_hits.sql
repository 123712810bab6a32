with

results as (

    select * from {{ ref('rule_results') }}

),

checks as (

    select * from {{ ref('segment_checks') }}

),

open_before as (

    select distinct
        segment_id,
        customer_id
    from {{ ref('spells_before') }}
    where left_at is null

),

customers as (

    select * from {{ ref('customers') }}

),

-- of a segment in which something is wrong the people who were in it
hits as (

    select
        results.segment_id,
        results.customer_id
    from results
    inner join checks on results.segment_id = checks.segment_id
    where checks.problem is null

    union all

    select
        open_before.segment_id,
        open_before.customer_id
    from open_before
    inner join checks on open_before.segment_id = checks.segment_id
    where checks.problem is not null

),

-- whoever is a bot, shares an account or changed overnight is in no segment
people as (

    select
        hits.segment_id,
        hits.customer_id
    from hits
    inner join customers on hits.customer_id = customers.customer_id
    where not customers.is_anomalous

)

select * from people
