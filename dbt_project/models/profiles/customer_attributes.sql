with

contacts as (

    select * from {{ ref('contacts') }}

),

enrichment as (

    select * from {{ ref('enrichment') }}

),

loyalty as (

    select * from {{ ref('loyalty') }}

),

customer_ids as (

    select * from {{ ref('customer_ids') }}

),

attribute_rules as (

    select * from {{ ref('attribute_rules') }}

),

-- whose system it is stands before the first colon of an account; the city goes no further than staging
contact_values as (

    select
        customer_ids.customer_id,
        split_part(contacts.user_id, ':', 1) as source,
        contacts.user_id as record,
        contacts.updated_at as observed_at,
        unnest(['region', 'country']) as attribute,
        unnest([contacts.region, contacts.country]) as value
    from contacts
    inner join customer_ids
        on customer_ids.identifier_type = 'user_id' and contacts.user_id = customer_ids.identifier_key

),

enrichment_values as (

    select
        customer_ids.customer_id,
        enrichment.source,
        enrichment.email_hash as record,
        enrichment.observed_at,
        unnest(['age_band', 'income_band', 'household_size', 'lifestyle']) as attribute,
        unnest([
            enrichment.age_band,
            enrichment.income_band,
            cast(enrichment.household_size as varchar),
            enrichment.lifestyle
        ]) as value
    from enrichment
    inner join customer_ids
        on customer_ids.identifier_type = 'email' and enrichment.email_hash = customer_ids.identifier_key

),

-- who joined in a shop is found by e-mail
loyalty_values as (

    select
        coalesce(users.customer_id, emails.customer_id) as customer_id,
        loyalty.source,
        loyalty.loyalty_number as record,
        loyalty.updated_at as observed_at,
        'loyalty_tier' as attribute,
        loyalty.tier as value
    from loyalty
    left join customer_ids as users
        on users.identifier_type = 'user_id' and loyalty.user_id = users.identifier_key
    left join customer_ids as emails
        on emails.identifier_type = 'email' and loyalty.email_hash = emails.identifier_key

),

observed as (

    select * from contact_values
    union all by name
    select * from enrichment_values
    union all by name
    select * from loyalty_values

),

-- a value wins over none whatever its source; what is level in everything is decided by name, not by arrival
ranked as (

    select
        observed.customer_id,
        observed.attribute,
        observed.value,
        observed.source,
        observed.observed_at,
        row_number() over (
            partition by observed.customer_id, observed.attribute
            order by
                coalesce(attribute_rules.priority, 1000) asc,
                observed.observed_at desc,
                observed.record asc,
                observed.source asc,
                observed.value asc
        ) as place
    from observed
    left join attribute_rules
        on observed.attribute = attribute_rules.attribute and observed.source = attribute_rules.source
    where observed.customer_id is not null and observed.value is not null

),

winners as (

    select * from ranked
    where place = 1

),

losers as (

    select
        ranked.customer_id,
        ranked.attribute,
        count(*) filter (where ranked.value = winners.value) as agreeing_count,
        count(*) filter (where ranked.value <> winners.value) as lost_count
    from ranked
    inner join winners on ranked.customer_id = winners.customer_id and ranked.attribute = winners.attribute
    where ranked.place > 1
    group by ranked.customer_id, ranked.attribute

),

customer_attributes as (

    select
        winners.customer_id,
        winners.attribute,
        winners.value,
        winners.source,
        winners.observed_at,
        coalesce(losers.agreeing_count, 0) as agreeing_count,
        coalesce(losers.lost_count, 0) as lost_count
    from winners
    left join losers on winners.customer_id = losers.customer_id and winners.attribute = losers.attribute

)

select * from customer_attributes
