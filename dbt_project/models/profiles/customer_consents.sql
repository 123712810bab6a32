with

consents as (

    select * from {{ ref('consents') }}

),

customer_ids as (

    select * from {{ ref('customer_ids') }}

),

owned as (

    select
        customer_ids.customer_id,
        consents.purpose,
        consents.channel,
        consents.is_granted,
        consents.basis,
        consents.recorded_at
    from consents
    inner join customer_ids
        on customer_ids.identifier_type = 'user_id' and consents.user_id = customer_ids.identifier_key
    where consents.recorded_at <= {{ as_of() }}

),

-- what a person said wins over what was declared for them; of what they said the latest counts,
-- and at the same moment the refusal
decided as (

    select *
    from owned
    qualify
        row_number() over (
            partition by customer_id, purpose, channel
            order by basis = 'stated' desc, recorded_at desc, is_granted asc
        ) = 1

)

select * from decided
