with

observations as (

    select * from {{ ref('identifier_observations') }}

),

rules as (

    select * from {{ ref('identifier_rules') }}

),

blocked as (

    select
        identifier_type,
        {{ pseudonym('identifier_type', 'identifier_value') }} as identifier_hash
    from {{ ref('blocked_identifiers') }}

),

-- e-mails come from ingestion as pseudonyms, the other identifiers become ones here, each value once
named as (

    select
        'user_id' as identifier_type,
        user_id as identifier_key,
        min(first_seen_at) as first_seen_at
    from observations
    where user_id is not null
    group by user_id
    union all
    select
        'email',
        email_hash,
        min(first_seen_at)
    from observations
    where email_hash is not null
    group by email_hash
    union all
    select
        'device_id',
        device_id,
        min(first_seen_at)
    from observations
    where device_id is not null
    group by device_id
    union all
    select
        'anonymous_id',
        anonymous_id,
        min(first_seen_at)
    from observations
    where anonymous_id is not null
    group by anonymous_id

),

hashed as (

    select
        identifier_type,
        identifier_key,
        case
            when identifier_type = 'email' then identifier_key
            else {{ pseudonym('identifier_type', 'identifier_key') }}
        end as identifier_hash,
        first_seen_at
    from named

),

allowed as (

    select hashed.*
    from hashed
    left join blocked
        on
            hashed.identifier_type = blocked.identifier_type
            and hashed.identifier_hash = blocked.identifier_hash
    where blocked.identifier_hash is null

),

-- numbered in order of arrival, so that the oldest identifier names its component and newcomers never take over
numbered as (

    select
        allowed.identifier_type,
        allowed.identifier_key,
        allowed.identifier_hash,
        allowed.first_seen_at,
        rules.priority,
        row_number() over (order by allowed.first_seen_at, rules.priority, allowed.identifier_hash) as identifier_number
    from allowed
    inner join rules on allowed.identifier_type = rules.identifier_type

)

select * from numbered
