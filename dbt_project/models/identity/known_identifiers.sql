{{ config(materialized='log') }}

with

observed as (

    select
        identifier_type,
        identifier_key,
        min(first_seen_at) as first_seen_at
    from {{ ref('observed_identifiers') }}
    group by identifier_type, identifier_key

),

known_before as (

    select * from {{ this }}
    where {{ written_before() }}

),

rules as (

    select * from {{ ref('identifier_rules') }}

),

blocked as (

    select
        identifier_type,
        blocked_value,
        {{ pseudonym('identifier_type', 'blocked_value') }} as blocked_hash
    from (
        select
            identifier_type,
            unnest(string_split(blocked_values, '|')) as blocked_value
        from rules
    ) as unnested

),

newcomers as (

    select observed.*
    from observed
    anti join known_before
        on
            observed.identifier_type = known_before.identifier_type
            and observed.identifier_key = known_before.identifier_key

),

-- e-mails and phones come from ingestion as pseudonyms, the other identifiers become ones here, each value once
hashed as (

    select
        identifier_type,
        identifier_key,
        case
            when identifier_type in ('email', 'phone') then identifier_key
            else {{ pseudonym('identifier_type', 'identifier_key') }}
        end as identifier_hash,
        first_seen_at
    from newcomers

),

-- of `crm:null` the value is `null`, whatever its source
allowed as (

    select hashed.*
    from hashed
    anti join blocked as blocked_hashes
        on
            hashed.identifier_type = blocked_hashes.identifier_type
            and hashed.identifier_hash = blocked_hashes.blocked_hash
    anti join blocked as blocked_values
        on
            hashed.identifier_type = blocked_values.identifier_type
            and lower(string_split(hashed.identifier_key, ':')[-1]) = blocked_values.blocked_value

),

last_number as (

    select coalesce(max(identifier_number), 0) as identifier_number
    from known_before

),

-- numbered in order of arrival, so that the oldest identifier names its component and newcomers never take over
numbered as (

    select
        allowed.identifier_type,
        allowed.identifier_key,
        allowed.identifier_hash,
        last_number.identifier_number + row_number() over (
            order by allowed.first_seen_at, rules.priority, allowed.identifier_hash
        ) as identifier_number,
        {{ run_number() }} as run_number
    from allowed
    inner join rules on allowed.identifier_type = rules.identifier_type
    cross join last_number

)

select * from numbered
