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

{# Version of a segment's definition: a fingerprint of what decides who is in it. That is its rule; where it stands in
   a group or excludes others, also its place and the rules of those that come before it. #}
{% macro definition_version(node) -%}
    {%- set deciding = [rule_text(node)] -%}
    {%- for read in node.depends_on.nodes | sort if read in graph.nodes and graph.nodes[read].name in var('segments') -%}
        {%- do deciding.append(definition_version(graph.nodes[read])) -%}
    {%- endfor -%}
    {%- set meta = node.config.meta -%}
    {%- if meta.get('group') or meta.get('excludes') -%}
        {%- do deciding.append(tojson([meta.get('group'), meta.get('rank'), meta.get('excludes', []) | sort])) -%}
        {%- for name in segments_before(node) -%}
            {%- do deciding.append(name ~ rule_text(graph.nodes['model.smalti.' ~ name])) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ local_md5(deciding | join(''))[:12] }}
{%- endmacro %}

{# A segment's SQL and the thresholds that it uses, whatever the spacing. #}
{% macro rule_text(node) -%}
    {{ return((node.raw_code.split() | join(' ')) ~ tojson(used_thresholds(node), sort_keys=true)) }}
{%- endmacro %}

{# The segments by whose rules people are kept out of this one: those of its group that rank higher, what they exclude,
   and what it excludes itself. #}
{% macro segments_before(node) -%}
    {%- set meta = node.config.meta -%}
    {%- set found = meta.get('excludes', []) | list -%}
    {%- for name in var('segments') -%}
        {%- set other = graph.nodes['model.smalti.' ~ name].config.meta -%}
        {%- if meta.get('group') and other.get('group') == meta.group and other.rank < meta.rank -%}
            {%- do found.extend([name] + other.get('excludes', [])) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found | unique | sort | list) }}
{%- endmacro %}

{# A text as SQL has it. #}
{% macro text_or_null(text) -%}
    {{ "'" ~ text ~ "'" if text else 'cast(null as varchar)' }}
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
