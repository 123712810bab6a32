{# A threshold of this segment, by the name under which its sidecar states it (`config.meta.thresholds`). #}
{% macro threshold(name) -%}
    {#- sidecars are known only when dbt executes, and never in unit tests: these override this macro by the number at
        whose edge they stand, or the variable by several -#}
    {%- set thresholds = {} -%}
    {%- do thresholds.update(var('thresholds', {})) -%}
    {%- if execute and not thresholds -%}
        {%- set node = graph.nodes[model.unique_id] -%}
        {%- do thresholds.update(node.config.meta.get('thresholds', {})) -%}
        {%- if name not in thresholds -%}
            {{ exceptions.raise_compiler_error("no threshold '" ~ name ~ "' in " ~ node.name ~ ".yml; there are: " ~ thresholds.keys() | sort | join(', ')) }}
        {%- endif -%}
    {%- endif -%}
    {{ thresholds.get(name, 0) }}
{%- endmacro %}

{# Version of a segment's definition: a fingerprint of its SQL and its thresholds, whatever the spacing. #}
{% macro definition_version(node) -%}
    {{ local_md5((node.raw_code.split() | join(' ')) ~ tojson(node.config.meta.get('thresholds', {}), sort_keys=true))[:12] }}
{%- endmacro %}

{# The thresholds of a segment by name, as its sidecar states them. #}
{% macro effective_thresholds(node) -%}
    {{ return(node.config.meta.get('thresholds', {})) }}
{%- endmacro %}
