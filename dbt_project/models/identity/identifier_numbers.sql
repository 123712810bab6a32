with

observed as (

    select
        identifier_type,
        identifier_key,
        min(first_seen_at) as first_seen_at
    from {{ ref('observed_identifiers') }}
    group by identifier_type, identifier_key

),

known as (

    select * from {{ ref('known_identifiers') }}

),

rules as (

    select * from {{ ref('identifier_rules') }}

),

-- an identifier that no record holds any more, as an e-mail that the CRM corrected, keeps its number but is no one's
numbered as (

    select
        observed.identifier_type,
        observed.identifier_key,
        known.identifier_hash,
        observed.first_seen_at,
        rules.priority,
        known.identifier_number
    from observed
    inner join known
        on
            observed.identifier_type = known.identifier_type
            and observed.identifier_key = known.identifier_key
    inner join rules on observed.identifier_type = rules.identifier_type

)

select * from numbered
