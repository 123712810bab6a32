with

of_rest as (

    select * from {{ source('raw', 'shopify_customers') }}

),

of_graphql as (

    select * from {{ source('raw', 'shopify_gql_customers') }}

),

versions as (

    select
        *,
        lag(accepts_marketing) over (partition by customer_id order by synced_at) as accepted_before
    from of_rest
    where accepts_marketing is not null

),

-- the first reading says what held since the account was opened; from then on a change is a decision.
-- An order after a refusal elsewhere changes the row as well: it must not repeat an old yes
changes as (

    select
        customer_id,
        accepts_marketing as is_granted,
        case when accepted_before is null then created_at else updated_at end as recorded_at
    from versions
    where accepts_marketing is distinct from accepted_before

),

readings as (

    select
        *,
        consent_state = 'SUBSCRIBED' as is_granted,
        bool_or(consent_state = 'SUBSCRIBED') over (partition by customer_id order by synced_at) as was_granted
    from of_graphql
    where consent_state is not null

),

-- whatever follows a yes ends it; who has not subscribed, or not confirmed it, has said nothing
states as (

    select
        customer_id,
        is_granted,
        coalesce(consent_updated_at, if(is_granted, created_at, synced_at)) as recorded_at
    from readings
    where was_granted or consent_state = 'UNSUBSCRIBED'

),

either as (

    select * from changes
    union all by name
    select * from states

),

decisions as (

    select distinct
        'shopify:' || customer_id as user_id,
        'marketing_email' as purpose,
        'email' as channel,
        is_granted,
        'stated' as basis,
        recorded_at
    from either

)

select * from decisions
