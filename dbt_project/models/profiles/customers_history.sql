{{ config(materialized='refreshed') }}

with

customers as (

    select * from {{ ref('customers') }}

),

-- versions as they stood before as_of: a run repeated for the same moment replaces what it wrote
known_before as (

    select
        * exclude (valid_to),
        case when valid_to < {{ as_of() }} then valid_to end as valid_to
    from {{ source('durable', 'customers_history') }}
    where valid_from < {{ as_of() }}

),

open_before as (

    select * exclude (valid_from, valid_to)
    from known_before
    where valid_to is null

),

-- a table's name stands for its whole row: any column that differs, nulls included, makes a new version
compared as (

    select
        open_before.customer_id as known_id,
        customers.customer_id as current_id
    from open_before
    full outer join customers on open_before.customer_id = customers.customer_id
    where open_before is distinct from customers

),

carried as (

    select
        known_before.* exclude (valid_to),
        case
            when known_before.valid_to is null and compared.known_id is not null then {{ as_of() }}
            else known_before.valid_to
        end as valid_to
    from known_before
    left join compared on known_before.customer_id = compared.known_id

),

opened as (

    select
        customers.*,
        {{ as_of() }} as valid_from,
        cast(null as timestamp) as valid_to
    from customers
    inner join compared on customers.customer_id = compared.current_id

)

select * from carried
union all by name
select * from opened
