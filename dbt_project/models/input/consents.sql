with

unioned as (

    select * from {{ ref('stg_crm__consents') }}
    union all by name
    select * from {{ ref('stg_online_retail__consents') }}
    union all by name
    select * from {{ ref('stg_cdnow__consents') }}

),

consents as (

    select
        user_id,
        purpose,
        channel,
        is_granted,
        basis,
        recorded_at
    from unioned

)

select * from consents
