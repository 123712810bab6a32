with

examined as (

    select * from {{ source('ops', 'examined_segments') }}

),

results as (

    select * from {{ ref('rule_results') }}

),

customers as (

    select * from {{ ref('customers') }}

),

-- scores are of the night: they may name people who were merged since
known as (

    select customer_id
    from customers

    union

    select from_customer_id as customer_id
    from {{ ref('merges') }}

),

checked_before as (

    select * from {{ source('durable', 'segment_checks') }}

),

everybody as (

    select count(*) as customers
    from customers

),

counted as (

    select
        results.segment_id,
        count(*) as rows_returned,
        count(distinct results.customer_id) as people,
        count(*) filter (where results.customer_id is null) as rows_without_id,
        count(*) filter (where results.customer_id is not null and known.customer_id is null) as strangers
    from results
    left join known on results.customer_id = known.customer_id
    group by results.segment_id

),

-- shares of everybody, so that a shop whose people triple has segments that may triple with them
compared as (

    select
        examined.segment_id,
        examined.problem,
        coalesce(counted.rows_returned, 0) as rows_returned,
        coalesce(counted.people, 0) as people,
        coalesce(counted.rows_without_id, 0) as rows_without_id,
        coalesce(counted.strangers, 0) as strangers,
        everybody.customers,
        checked_before.people as people_before,
        checked_before.customers as customers_before,
        not examined.comes_and_goes
        and checked_before.people >= control.segment_floor
        and not coalesce(coalesce(counted.people, 0) <= examined.accepted_people * 1.1, false) as is_compared
    from examined
    cross join everybody
    cross join {{ source('ops', 'control') }} as control
    left join counted on examined.segment_id = counted.segment_id
    left join checked_before on examined.segment_id = checked_before.segment_id

),

judged as (

    select
        *,
        case
            when problem is not null then problem
            when rows_without_id > 0 then 'returns rows without a customer_id'
            when rows_returned > people then 'returns people more than once'
            when strangers > 0 then 'returns ids that are no customers'
            when is_compared and people = 0 then 'takes nobody, and took people before'
            when is_compared and people * customers_before > 3 * people_before * customers
                then 'takes more than three times as many people as before'
        end as found
    from compared

),

-- what the next run compares with is the last that was in order
checks as (

    select
        segment_id,
        found as problem,
        coalesce(found like 'takes %', false) as may_be_accepted,
        people as people_found,
        if(found is null, people, people_before) as people,
        if(found is null, customers, customers_before) as customers
    from judged

)

select * from checks
