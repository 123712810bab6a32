with

observed as (

    select * from {{ ref('observed_identifiers') }}

),

numbers as (

    select * from {{ ref('identifier_numbers') }}

),

contacts as (

    select * from {{ ref('contacts') }}

),

record_links as (

    select * from {{ source('links', 'record_links') }}

),

numbered as (

    select
        observed.observation_number,
        observed.first_seen_at,
        numbers.identifier_type,
        numbers.identifier_number,
        numbers.priority
    from observed
    inner join numbers
        on
            observed.identifier_type = numbers.identifier_type
            and observed.identifier_key = numbers.identifier_key

),

-- each identifier beside the one of best priority in the same record
beside_the_best as (

    select
        identifier_type as other_type,
        identifier_number as other_number,
        first_value(identifier_type) over record as better_type,
        first_value(identifier_number) over record as better_number,
        first_seen_at
    from numbered
    window record as (partition by observation_number order by priority)

),

pairs as (

    select
        better_type,
        better_number,
        other_type,
        other_number,
        min(first_seen_at) as first_seen_at
    from beside_the_best
    where other_number <> better_number
    group by better_type, better_number, other_type, other_number

),

accounts as (

    select
        numbers.identifier_number,
        string_split(contacts.user_id, ':')[1] as system,
        contacts.first_name_hash,
        contacts.birth_date_hash
    from contacts
    inner join numbers on numbers.identifier_type = 'user_id' and contacts.user_id = numbers.identifier_key

),

beside_accounts as (

    select
        pairs.other_number,
        accounts.*
    from pairs
    inner join accounts on pairs.better_number = accounts.identifier_number

),

-- two accounts of one system with other first names, or any two with other birth dates, as of a family with one address
contradicted as (

    select other_number
    from beside_accounts
    group by other_number, system
    having count(distinct first_name_hash) > 1
    union
    select other_number
    from beside_accounts
    group by other_number
    having count(distinct birth_date_hash) > 1

),

-- records without a common key that linkage takes for one person's
linked as (

    select
        record_links.from_type as better_type,
        betters.identifier_number as better_number,
        record_links.to_type as other_type,
        others.identifier_number as other_number,
        record_links.linked_at as first_seen_at,
        record_links.match_weight
    from record_links
    inner join numbers as betters
        on record_links.from_type = betters.identifier_type and record_links.from_key = betters.identifier_key
    inner join numbers as others
        on record_links.to_type = others.identifier_type and record_links.to_key = others.identifier_key

)

select
    pairs.better_type,
    pairs.better_number,
    pairs.other_type,
    pairs.other_number,
    pairs.first_seen_at,
    'record' as evidence,
    cast(null as double) as match_weight,
    contradicted.other_number is not null as is_contradicted
from pairs
left join contradicted on pairs.other_number = contradicted.other_number
union all
select
    better_type,
    better_number,
    other_type,
    other_number,
    first_seen_at,
    'linkage' as evidence,
    match_weight,
    false as is_contradicted
from linked
