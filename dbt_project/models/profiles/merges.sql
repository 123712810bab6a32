with

decided_before as (

    select * from {{ source('durable', 'merges') }}

),

published_before as (

    select * from {{ source('durable', 'customer_ids') }}

),

customer_ids as (

    select * from {{ ref('customer_ids') }}

),

-- ids that identifiers had when last published, and have now
moved as (

    select
        published_before.customer_id as from_customer_id,
        customer_ids.customer_id as into_customer_id,
        string_agg(
            distinct published_before.identifier_type, ', '
            order by published_before.identifier_type
        ) as moved_types
    from published_before
    inner join customer_ids
        on
            published_before.identifier_type = customer_ids.identifier_type
            and published_before.identifier_hash = customer_ids.identifier_hash
    where published_before.customer_id <> customer_ids.customer_id
    group by published_before.customer_id, customer_ids.customer_id

),

still_there as (

    select distinct customer_id from customer_ids

),

decided_now as (

    select
        {{ as_of() }} as merged_at,
        moved.from_customer_id,
        moved.into_customer_id,
        case
            when still_there.customer_id is null then 'merged: now one component; moved ' || moved.moved_types
            else 'split: no longer one component; moved ' || moved.moved_types
        end as evidence
    from moved
    left join still_there on moved.from_customer_id = still_there.customer_id

)

select
    merged_at,
    from_customer_id,
    into_customer_id,
    evidence
from decided_before
union all
select
    merged_at,
    from_customer_id,
    into_customer_id,
    evidence
from decided_now
