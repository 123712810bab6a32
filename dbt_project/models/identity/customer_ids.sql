with

numbered as (

    select
        numbers.identifier_type,
        numbers.identifier_key,
        numbers.identifier_hash,
        numbers.identifier_number,
        numbers.first_seen_at,
        numbers.priority,
        components.person_number
    from {{ ref('identifier_numbers') }} as numbers
    inner join {{ ref('components') }} as components
        on numbers.identifier_number = components.identifier_number

),

rules as (

    select * from {{ ref('identifier_rules') }}

),

-- a phone number alone is nobody: there is no account, address or browser that did anything
identifiers as (

    select numbered.*
    from numbered
    inner join rules on numbered.identifier_type = rules.identifier_type
    qualify bool_or(rules.names_a_person) over (partition by numbered.person_number)

),

published_before as (

    select * from {{ source('durable', 'customer_ids') }}

),

-- a published id stays with the person who holds the identifier it was minted from: of several the oldest;
-- the others are not forgotten, and come back when a split gives their identifier a person of its own again
claims as (

    select
        identifiers.person_number,
        published_before.minted_id,
        published_before.minted_at
    from identifiers
    inner join published_before
        on
            identifiers.identifier_type = published_before.identifier_type
            and identifiers.identifier_hash = published_before.identifier_hash
    where published_before.minted_id is not null

),

kept as (

    select
        person_number,
        arg_min(minted_id, (minted_at, minted_id)) as customer_id
    from claims
    group by person_number

),

-- the identifier that names a new person: best priority, then oldest, then lowest
anchors as (

    select
        person_number,
        identifier_type,
        identifier_hash
    from identifiers
    qualify
        row_number() over (
            partition by person_number
            order by priority, first_seen_at, identifier_hash
        ) = 1

),

digests as (

    select
        person_number,
        identifier_type,
        identifier_hash,
        {{ uuid5_digest("identifier_type || ':' || identifier_hash") }} as digest
    from anchors

),

minted as (

    select
        person_number,
        identifier_type,
        identifier_hash,
        {{ uuid5('digest') }} as customer_id
    from digests

),

assigned as (

    select
        identifiers.identifier_type,
        identifiers.identifier_key,
        identifiers.identifier_hash,
        identifiers.identifier_number,
        identifiers.first_seen_at,
        coalesce(kept.customer_id, minted.customer_id) as customer_id,
        kept.customer_id is null
        and identifiers.identifier_type = minted.identifier_type
        and identifiers.identifier_hash = minted.identifier_hash as is_new_anchor
    from identifiers
    inner join minted on identifiers.person_number = minted.person_number
    left join kept on identifiers.person_number = kept.person_number

)

select * from assigned
