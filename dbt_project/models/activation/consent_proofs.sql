with

audience as (

    select * from {{ ref('audience') }}

),

activations as (

    select * from {{ ref('activations') }}

),

consents as (

    select * from {{ ref('customer_consents') }}
    where is_granted

),

sent as (

    select
        destination,
        customer_id,
        unnest(segment_ids) as segment_id
    from audience

),

proofs as (

    select
        sent.destination,
        sent.customer_id,
        activations.purpose,
        activations.channel,
        list(sent.segment_id order by sent.segment_id) as segment_ids,
        consents.basis,
        consents.recorded_at as decided_at,
        consents.source,
        consents.user_id,
        consents.email_hash
    from sent
    inner join activations on sent.destination = activations.destination and sent.segment_id = activations.segment
    inner join consents
        on
            sent.customer_id = consents.customer_id
            and activations.purpose = consents.purpose
            and activations.channel = consents.channel
    group by all

)

select * from proofs
