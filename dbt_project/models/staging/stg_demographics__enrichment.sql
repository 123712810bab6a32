with

exported as (

    select * from {{ source('raw', 'demographics') }}

),

latest as (

    select
        email_hmac as email_hash,
        'demographics' as source,
        age_band,
        household_size,
        income_band,
        lifestyle,
        observed_at
    from exported
    where email_hmac is not null
    qualify row_number() over (partition by email_hmac order by observed_at desc, _arrived_at desc) = 1

)

select * from latest
