{# The sidecars of the segments as rows; `graph` is there only when dbt executes. #}
{%- set found = [] -%}
{%- for name in var('segments') if execute -%}
    {%- set node = graph.nodes['model.smalti.' ~ name] -%}
    {%- if not node.config.meta.get('is_stand_in') -%}
        {%- do found.append(node) -%}
    {%- endif -%}
{%- endfor -%}

with

stated_definitions as (

    {% for node in found %}
    {%- set trigger = node.config.meta.get('trigger', {}) %}
    {%- set quiet_hours = trigger.get('quiet_hours', ['null', 'null']) %}
    select
        '{{ node.name }}' as segment_id,
        '{{ node.config.meta.owner }}' as owner,
        '{{ node.config.meta.tier }}' as tier,
        '{{ node.config.meta.purpose }}' as purpose,
        cast('{{ node.config.meta.review_by }}' as date) as review_by,
        '{{ node.raw_code | replace("'", "''") }}' as rule,
        '{{ tojson(used_thresholds(node), sort_keys=true) }}' as thresholds,
        '{{ definition_version(node) }}' as definition_version,
        {{ text_or_null(node.config.meta.get('group')) }} as group_name,
        cast({{ node.config.meta.get('rank', 'null') }} as integer) as group_rank,
        cast({{ node.config.meta.get('excludes', []) }} as varchar[]) as excludes,
        {{ text_or_null(node.config.meta.get('parent')) }} as parent,
        cast({{ trigger.get('cool_down_days', 'null') }} as integer) as cool_down_days,
        cast({{ quiet_hours[0] }} as integer) as quiet_from_hour,
        cast({{ quiet_hours[1] }} as integer) as quiet_to_hour,
        {{ text_or_null(trigger.get('destination')) }} as trigger_destination
    {% if not loop.last %}union all{% endif %}
    {% else %}
    select
        cast(null as varchar) as segment_id,
        cast(null as varchar) as owner,
        cast(null as varchar) as tier,
        cast(null as varchar) as purpose,
        cast(null as date) as review_by,
        cast(null as varchar) as rule,
        cast(null as varchar) as thresholds,
        cast(null as varchar) as definition_version,
        cast(null as varchar) as group_name,
        cast(null as integer) as group_rank,
        cast(null as varchar[]) as excludes,
        cast(null as varchar) as parent,
        cast(null as integer) as cool_down_days,
        cast(null as integer) as quiet_from_hour,
        cast(null as integer) as quiet_to_hour,
        cast(null as varchar) as trigger_destination
    where false
    {% endfor %}

)

select * from stated_definitions
