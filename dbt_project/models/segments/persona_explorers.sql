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

persona_explorers as (

    select customer_id
    from measured
    where
        split_part(persona, ', ', 1) in (
            'browsers',
            'searchers',
            'explorers',
            'frequent visitors',
            'cart fillers'
        )

)

select * from persona_explorers
