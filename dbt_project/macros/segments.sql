{# A threshold of this segment by name: as its sidecar states it (`config.meta.thresholds`), else the shared one of
   `seeds/thresholds.csv`. #}
{% macro threshold(name) -%}
    {#- sidecars are known only when dbt executes, and never in unit tests: these override this macro by the number at
        whose edge they stand, or the variable by several -#}
    {%- set known = {} -%}
    {%- do known.update(var('thresholds', {})) -%}
    {%- if execute and not known -%}
        {%- set node = graph.nodes[model.unique_id] -%}
        {%- do known.update(effective_thresholds(node)) -%}
        {#- a linter or an editor starts dbt without the driver: then shared numbers are not known, and 0 stands for them -#}
        {%- if name not in known and var('shared_thresholds') -%}
            {{ exceptions.raise_compiler_error("no threshold '" ~ name ~ "' in " ~ node.name ~ ".yml or seeds/thresholds.csv; there are: " ~ known.keys() | sort | join(', ')) }}
        {%- endif -%}
    {%- endif -%}
    {{ known.get(name, 0) }}
{%- endmacro %}

{# Name to value: all shared thresholds, with those that the sidecar states itself over them. #}
{% macro effective_thresholds(node) -%}
    {%- set known = {} -%}
    {%- do known.update(var('shared_thresholds')) -%}
    {%- for name, stated in node.config.meta.get('thresholds', {}).items() -%}
        {%- do known.update({name: stated.value if stated is mapping else stated}) -%}
    {%- endfor -%}
    {{ return(known) }}
{%- endmacro %}

{# Version of a segment's definition: a fingerprint of its SQL and the thresholds that it uses, whatever the spacing. #}
{% macro definition_version(node) -%}
    {{ local_md5((node.raw_code.split() | join(' ')) ~ tojson(used_thresholds(node), sort_keys=true))[:12] }}
{%- endmacro %}

{# Of its effective thresholds those that its SQL names. #}
{% macro used_thresholds(node) -%}
    {%- set known = effective_thresholds(node) -%}
    {%- set used = {} -%}
    {%- for name in modules.re.findall("threshold\\(\\s*'([^']*)'", node.raw_code) -%}
        {%- do used.update({name: known.get(name)}) -%}
    {%- endfor -%}
    {{ return(used) }}
{%- endmacro %}
