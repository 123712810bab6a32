with

exposures as (

    select * from {{ ref('exposures') }}

),

customer_ids as (

    select * from {{ ref('customer_ids') }}

),

published_before as (

    select * from {{ source('durable', 'customer_ids') }}

),

-- who an id is now: whoever holds the identifier that it was made from, after merges and splits alike
successors as (

    select
        published_before.minted_id,
        customer_ids.customer_id
    from published_before
    inner join customer_ids
        on
            published_before.identifier_type = customer_ids.identifier_type
            and published_before.identifier_hash = customer_ids.identifier_hash
    where published_before.minted_id is not null

),

people as (

    select distinct customer_id from customer_ids

),

owned as (

    select
        exposures.* exclude (customer_id),
        exposures.customer_id as exposed_id,
        coalesce(successors.customer_id, exposures.customer_id) as customer_id
    from exposures
    left join successors on exposures.customer_id = successors.minted_id

),

-- the shares that a person was last due under decide, with the lot of the id that stands
latest as (

    select
        owned.destination,
        owned.segment_id,
        owned.customer_id,
        owned.holdout_share,
        owned.global_control_share,
        min(owned.exposed_at) over person as assigned_at,
        min(owned.arm) over person <> max(owned.arm) over person as has_changed_arm
    from owned
    inner join people on owned.customer_id = people.customer_id
    window person as (partition by owned.destination, owned.segment_id, owned.customer_id)
    qualify
        row_number() over (
            partition by owned.destination, owned.segment_id, owned.customer_id
            order by owned.ended_at is null desc, owned.exposed_at desc, owned.exposed_id asc
        ) = 1

),

drawn as (

    select
        *,
        case when {{ is_in_control() }} then 'control' else 'treated' end as arm,
        {{ is_in_global_control() }} as is_global_control
    from latest

),

assignments as (

    select
        destination,
        segment_id,
        customer_id,
        arm,
        is_global_control,
        case
            when arm = 'control' then {{ control_propensity() }}
            else 1 - {{ control_propensity() }}
        end as propensity,
        assigned_at,
        has_changed_arm
    from drawn

)

select * from assignments
