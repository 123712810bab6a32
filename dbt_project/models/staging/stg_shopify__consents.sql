with

exported as (

    select * from {{ source('raw', 'shopify_customers') }}

),

versions as (

    select
        *,
        lag(accepts_marketing) over (partition by customer_id order by synced_at) as accepted_before
    from exported
    where accepts_marketing is not null

),

-- the first reading says what held since the account was opened; from then on a change is a decision.
-- An order after a refusal elsewhere changes the row as well: it must not repeat an old yes
decisions as (

    select
        'shopify:' || customer_id as user_id,
        'marketing_email' as purpose,
        'email' as channel,
        accepts_marketing as is_granted,
        'stated' as basis,
        case when accepted_before is null then created_at else updated_at end as recorded_at
    from versions
    where accepts_marketing is distinct from accepted_before

)

select * from decisions
