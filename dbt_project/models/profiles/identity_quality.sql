with

customer_ids as (

    select * from {{ ref('customer_ids') }}

),

contacts as (

    select * from {{ ref('contacts') }}

),

identifier_links as (

    select * from {{ ref('identifier_links') }}

),

rules as (

    select * from {{ ref('identifier_rules') }}

),

limits as (

    select * from {{ ref('identity_limits') }}

),

published_before as (

    select * from {{ source('durable', 'customer_ids') }}

),

accounts as (

    select
        customer_ids.customer_id,
        string_split(contacts.user_id, ':')[1] as system,
        contacts.first_name_hash,
        contacts.birth_date_hash
    from contacts
    inner join customer_ids
        on customer_ids.identifier_type = 'user_id' and contacts.user_id = customer_ids.identifier_key

),

names_by_system as (

    select
        customer_id,
        count(distinct first_name_hash) as first_names_count
    from accounts
    group by customer_id, system

),

births as (

    select
        customer_id,
        count(distinct birth_date_hash) as birth_dates_count
    from accounts
    group by customer_id

),

held as (

    select
        customer_ids.customer_id,
        rules.person_limit,
        count(*) as identifiers_count
    from customer_ids
    inner join rules on customer_ids.identifier_type = rules.identifier_type
    group by customer_ids.customer_id, customer_ids.identifier_type, rules.person_limit

),

met as (

    select
        other_number,
        bool_or(why_not = 'over_limit') as is_shared
    from identifier_links
    group by other_number

),

still_there as (

    select distinct customer_id from customer_ids

),

-- of people published before: whose id ended, and whose identifiers are of several people now
fates as (

    select
        published_before.customer_id,
        bool_or(still_there.customer_id is not null) as is_there,
        count(distinct customer_ids.customer_id) as people_count
    from published_before
    inner join customer_ids
        on
            published_before.identifier_type = customer_ids.identifier_type
            and published_before.identifier_hash = customer_ids.identifier_hash
    left join still_there on published_before.customer_id = still_there.customer_id
    group by published_before.customer_id

),

measured as (

    select
        'conflicting_first_names' as measure,
        count(distinct customer_id) filter (where first_names_count > 1) as found_count,
        count(distinct customer_id) as of_count
    from names_by_system
    union all
    select
        'conflicting_birth_dates',
        count(*) filter (where birth_dates_count > 1),
        count(*)
    from births
    union all
    select
        'crowded_people',
        count(distinct customer_id) filter (where identifiers_count > person_limit),
        count(distinct customer_id)
    from held
    union all
    select
        'shared_identifiers',
        count(*) filter (where is_shared),
        count(*)
    from met
    union all
    select
        'merged_now',
        count(*) filter (where not is_there),
        count(*)
    from fates
    union all
    select
        'split_now',
        count(*) filter (where people_count > 1),
        count(*)
    from fates

)

select
    measured.measure,
    measured.found_count,
    measured.of_count,
    measured.found_count / nullif(measured.of_count, 0) as share,
    limits.most_share,
    limits.least_count,
    measured.of_count < limits.least_count
    or measured.found_count <= limits.most_share * measured.of_count as is_within_limit
from measured
inner join limits on measured.measure = limits.measure
