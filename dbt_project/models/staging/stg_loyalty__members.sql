with

exported as (

    select * from {{ source('raw', 'loyalty_members') }}

),

renamed as (

    select
        loyalty_number,
        'crm:' || contact_id as user_id,
        email_hmac as email_hash,
        'loyalty' as source,
        tier,
        points,
        joined_at,
        updated_at,
        row(_arrived_at, _batch, _file, _position) as arrival
    from exported

),

-- the membership updated last, of one moment the last to arrive
latest as (

    select * exclude (arrival)
    from renamed
    qualify row_number() over (partition by loyalty_number order by updated_at desc, arrival desc) = 1

)

select * from latest
