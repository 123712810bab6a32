with

links as (

    select * from {{ ref('identifier_links') }}

),

numbers as (

    select * from {{ ref('identifier_numbers') }}

),

components as (

    select * from {{ ref('components') }}

),

people as (

    select
        numbers.identifier_number,
        numbers.identifier_hash,
        components.person_number
    from numbers
    inner join components on numbers.identifier_number = components.identifier_number

)

select
    links.better_type,
    betters.identifier_hash as better_hash,
    links.other_type,
    others.identifier_hash as other_hash,
    links.first_seen_at,
    links.evidence,
    links.match_weight,
    links.is_contradicted,
    betters.person_number = others.person_number as is_joined,
    coalesce(
        links.why_not,
        case when betters.person_number <> others.person_number then 'disputed' end
    ) as why_not
from links
inner join people as betters on links.better_number = betters.identifier_number
inner join people as others on links.other_number = others.identifier_number
