with

observations as (

    select * from {{ ref('identifier_observations') }}

),

observed_identifiers as (

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

)

select * from observed_identifiers
