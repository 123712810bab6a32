{# What each segment measured, as one JSON object a person; of a segment that decides by `customers` alone, nothing. #}
{%- set found = [] -%}
{%- for name in var('segments') if execute and is_measured(graph.nodes['model.smalti.' ~ name].raw_code) -%}
    {%- do found.append(measures_of(ref(name))) -%}
{%- endfor -%}
{% for name in var('segments') %}
-- depends_on: {{ ref(name) }}
{%- endfor %}

with

measures as (

    {% for relation in found %}
    {%- set columns = adapter.get_columns_in_relation(relation) | map(attribute='name') | reject('eq', 'customer_id') %}
    select
        '{{ relation.identifier }}' as segment_id,
        customer_id,
        json_object({% for column in columns %}'{{ column }}', "{{ column }}"{{ ', ' if not loop.last }}{% endfor %}) as measures
    from {{ relation }}
    {% if not loop.last %}union all{% endif %}
    {% else %}
    select
        cast(null as varchar) as segment_id,
        cast(null as varchar) as customer_id,
        cast(null as json) as measures
    where false
    {% endfor %}

),

-- of a segment that stands still nothing new counts
in_order as (

    select segment_id
    from {{ ref('segment_checks') }}
    where problem is null

)

select
    measures.segment_id,
    measures.customer_id,
    cast(measures.measures as varchar) as measures
from measures
inner join in_order on measures.segment_id = in_order.segment_id
