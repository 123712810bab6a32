{{ config(materialized='in_slices') }}

with

measures as (

    select * from {{ ref('measures') }}

),

customers as (

    select * from {{ ref('customers') }}

),

-- versions as they stood before as_of: a run repeated for the same moment replaces what it wrote
known_before as (

    select
        segment_id,
        customer_id,
        measures,
        valid_from,
        case when valid_to < {{ as_of() }} then valid_to end as valid_to
    from {{ source('durable', 'measures_history') }}
    where valid_from < {{ as_of() }}

),

standing_still as (

    select segment_id
    from {{ ref('segment_checks') }}
    where problem is not null

),

-- of a segment that stands still what holds goes on holding, but of people who are not known any more
open_before as (

    select known_before.*
    from known_before
    left join standing_still on known_before.segment_id = standing_still.segment_id
    left join customers on known_before.customer_id = customers.customer_id
    where
        known_before.valid_to is null
        and (standing_still.segment_id is null or customers.customer_id is null)

),

compared as (

    select
        open_before.customer_id as known_id,
        open_before.segment_id as known_segment_id,
        measures.customer_id,
        measures.segment_id
    from open_before
    full outer join measures
        on open_before.segment_id = measures.segment_id and open_before.customer_id = measures.customer_id
    where open_before.measures is distinct from measures.measures

),

carried as (

    select
        known_before.* exclude (valid_to),
        case
            when known_before.valid_to is null and compared.known_id is not null then {{ as_of() }}
            else known_before.valid_to
        end as valid_to
    from known_before
    left join compared
        on
            known_before.customer_id = compared.known_id
            and known_before.segment_id = compared.known_segment_id

),

opened as (

    select
        measures.*,
        {{ as_of() }} as valid_from,
        cast(null as timestamp) as valid_to
    from measures
    inner join compared
        on measures.segment_id = compared.segment_id and measures.customer_id = compared.customer_id

)

select * from carried
union all by name
select * from opened
