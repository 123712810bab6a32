with

contacts as (

    select * from {{ ref('stg_cdnow__contacts') }}

),

lawful_bases as (

    select * from {{ source('ops', 'lawful_bases') }}
    where source = 'cdnow'

),

declared as (

    select
        contacts.user_id,
        lawful_bases.purpose,
        lawful_bases.channel,
        true as is_granted,
        'declared' as basis,
        contacts.created_at as recorded_at
    from contacts
    cross join lawful_bases

)

select * from declared
