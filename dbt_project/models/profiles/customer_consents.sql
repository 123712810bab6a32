{{ config(materialized='refreshed') }}

with

consents as (

    select * from {{ ref('consents') }}

),

customer_ids as (

    select * from {{ ref('customer_ids') }}

),

-- who is known to a tool by the address alone is found by e-mail; a browser speaks for whoever is logged in, else for
-- the person whose it is
owned as (

    select
        coalesce(users.customer_id, devices.customer_id, browsers.customer_id, emails.customer_id) as customer_id,
        consents.purpose,
        consents.channel,
        consents.is_granted,
        consents.basis,
        consents.recorded_at,
        consents.source,
        consents.user_id,
        consents.email_hash
    from consents
    left join customer_ids as users
        on users.identifier_type = 'user_id' and consents.user_id = users.identifier_key
    left join customer_ids as devices
        on devices.identifier_type = 'device_id' and consents.device_id = devices.identifier_key
    left join customer_ids as browsers
        on browsers.identifier_type = 'anonymous_id' and consents.anonymous_id = browsers.identifier_key
    left join customer_ids as emails
        on emails.identifier_type = 'email' and consents.email_hash = emails.identifier_key
    where consents.recorded_at <= {{ as_of() }}

),

-- what a person said wins over what was declared for them; of what they said the latest counts,
-- and at the same moment the refusal
decided as (

    select *
    from owned
    where customer_id is not null
    qualify
        row_number() over (
            partition by customer_id, purpose, channel
            order by basis = 'stated' desc, recorded_at desc, is_granted asc, source asc, user_id asc, email_hash asc
        ) = 1

)

select * from decided
