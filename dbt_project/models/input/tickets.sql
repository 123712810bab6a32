with

unioned as (

    select * from {{ ref('stg_support__tickets') }}
    union all by name
    select * from {{ ref('stg_hubspot__tickets') }}

),

tickets as (

    select
        ticket_id,
        user_id,
        email_hash,
        topic,
        channel,
        status,
        opened_at,
        updated_at,
        solved_at
    from unioned

)

select * from tickets
