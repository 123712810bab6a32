with

observations as (

    select * from {{ ref('identifier_observations') }}

),

numbers as (

    select * from {{ ref('identifier_numbers') }}

),

rules as (

    select * from {{ ref('identifier_rules') }}

),

-- each identifier beside the user id of the same record
beside_user as (

    select distinct
        'email' as identifier_type,
        email_hash as identifier_key,
        user_id
    from observations
    where user_id is not null and email_hash is not null
    union all
    select distinct
        'device_id',
        device_id,
        user_id
    from observations
    where user_id is not null and device_id is not null
    union all
    select distinct
        'anonymous_id',
        anonymous_id,
        user_id
    from observations
    where user_id is not null and anonymous_id is not null

),

numbered as (

    select
        beside_user.identifier_type,
        users.identifier_number as user_number,
        others.identifier_number as other_number,
        count(*) over (partition by others.identifier_number) as users_count
    from beside_user
    inner join numbers as users
        on users.identifier_type = 'user_id' and beside_user.user_id = users.identifier_key
    inner join numbers as others
        on beside_user.identifier_type = others.identifier_type and beside_user.identifier_key = others.identifier_key

),

-- over its limit an identifier is shared (a household's tablet, a shop's kiosk) and joins nobody
within_limit as (

    select
        numbered.identifier_type,
        numbered.user_number,
        numbered.other_number
    from numbered
    inner join rules on numbered.identifier_type = rules.identifier_type
    where numbered.users_count <= rules.joins_limit

)

select * from within_limit
