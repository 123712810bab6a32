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

persona_dormant as (

    select customer_id
    from measured
    where
        split_part(persona, ', ', 1) in (
            'lapsed buyers',
            'dormant visitors',
            'not seen of late',
            'quiet this quarter',
            'rare visitors'
        )

)

select * from persona_dormant
