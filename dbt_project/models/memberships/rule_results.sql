with

results as (

    {% for segment in var('segments') %}
    select
        '{{ segment }}' as segment_id,
        customer_id
    from {{ ref(segment) }}
    {% if not loop.last %}union all{% endif %}
    {% else %}
    select
        cast(null as varchar) as segment_id,
        cast(null as varchar) as customer_id
    where false
    {% endfor %}

)

select * from results
