with

exported as (

    select * from {{ source('raw', 'iterable_users') }}

),

-- the user as changed last
latest as (

    select
        'iterable:' || user_key as user_id,
        user_key as contact_id_crm,
        email_hmac as email_hash,
        phone_hmac as phone_hash,
        first_name_hmac as first_name_hash,
        coalesce(signed_up_at, updated_at) as created_at,
        updated_at,
        _arrived_at as arrived_at
    from exported
    qualify row_number() over (partition by user_key order by updated_at desc) = 1

)

select * from latest
