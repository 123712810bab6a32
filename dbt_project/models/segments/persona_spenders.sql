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

persona_spenders as (

    select customer_id
    from measured
    where
        split_part(persona, ', ', 1) in (
            'big spenders',
            'big spenders this quarter',
            'big baskets'
        )

)

select * from persona_spenders
