with

unioned as (

    select * from {{ ref('stg_demographics__enrichment') }}

),

enrichment as (

    select
        email_hash,
        source,
        age_band,
        household_size,
        income_band,
        lifestyle,
        observed_at
    from unioned

)

select * from enrichment
