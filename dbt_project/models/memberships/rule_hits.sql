with

hits as (

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

),

customers as (

    select * from {{ ref('customers') }}

),

-- whoever is a bot, shares an account or changed overnight is in no segment
people as (

    select
        hits.segment_id,
        hits.customer_id
    from hits
    inner join customers on hits.customer_id = customers.customer_id
    where not customers.is_anomalous

)

select * from people
