with

clusters as (

    select * from {{ source('scores', 'clusters') }}

),

-- one row a person: the values by which the rule decides
measured as (

    select
        customer_id,
        persona
    from clusters

),

persona_regulars as (

    select customer_id
    from measured
    where
        split_part(persona, ', ', 1) in (
            'active buyers',
            'frequent buyers',
            'recent buyers',
            'long-standing customers'
        )

)

select * from persona_regulars
