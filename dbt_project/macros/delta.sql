{#
  Tables that a run adds to instead of building them again. Each is one transaction: delete what this run, before it
  died, may have written, and insert it anew. The bounds stand in the control row, so the SQL of every run is the same
  text. A full run starts from an empty table; so "all of it" is the same SQL with nothing known before.
#}

{# The number of this run; a run that is repeated keeps it. #}
{% macro run_number() -%}
    (select run_number from {{ source('ops', 'control') }})
{%- endmacro %}

{# Rows that earlier runs wrote: the only earlier state that a model may read. #}
{% macro written_before() -%}
    run_number < {{ run_number() }}
{%- endmacro %}

{# A row of raw that no finished run has seen; for sources that are small, or of which other entities are made as well. #}
{% macro is_new(event_time) -%}
    (
        (select is_full from {{ source('ops', 'control') }})
        or _batch > (select lo from {{ source('ops', 'control') }})
        or _arrived_at > (select prev_as_of from {{ source('ops', 'control') }})
        or {{ event_time }} > (select prev_as_of from {{ source('ops', 'control') }})
    )
{%- endmacro %}

{# `log`: rows are only added. A run replaces what stands there under its own number. #}
{% materialization log, adapter='duckdb' %}
    {{ return(replace_rows('run_number >= ' ~ run_number(), [sql])) }}
{% endmaterialization %}

{# `per_customer`: a run replaces the rows of the people whom it touched. Such a model reads `touched_events`; up to its
   step `per_customer` it needs `customer_id` only to tell people apart. #}
{% materialization per_customer, adapter='duckdb' %}
    {{ return(replace_rows('customer_id in (select customer_id from ' ~ model_relation('touched') ~ ')', touched_by_number(sql))) }}
{% endmaterialization %}

{# `refreshed`: a run replaces the rows of the people whom it touched where nothing else that the model reads is another
   than before (`warehouse/refreshed.py`), and all rows otherwise. #}
{% materialization refreshed, adapter='duckdb' %}
    {%- set beside = "select 1 from ops.changed_by_touched where node = '" ~ model.unique_id ~ "'" -%}
    {%- if run_query(beside) | length -%}
        {{ return(replace_rows('customer_id in (select customer_id from ' ~ model_relation('touched') ~ ')', [of_touched(sql)])) }}
    {%- endif -%}
    {{ return(replace_rows(none, people_in_slices(sql) if this.identifier == 'customers' else [sql])) }}
{% endmaterialization %}

{# `in_slices`: everything is built again, of some people after the others where all of them are too many for the memory. #}
{% materialization in_slices, adapter='duckdb' %}
    {{ return(replace_rows(none, people_in_slices(sql))) }}
{% endmaterialization %}

{# Of a table the rows of which that holds, of all rows in a full run and where nothing is said, by what these select. #}
{% macro replace_rows(which, bodies) %}
    {%- set target = this.incorporate(type='table') -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set is_full = run_query('select is_full from ' ~ source('ops', 'control')).columns[0].values()[0] -%}
    {%- set is_stated = model.columns and not model.columns.values() | rejectattr('data_type') | list -%}
    {%- set names = model.columns.values() | map(attribute='name') | join(', ') -%}
    {%- if existing is none and which and not is_full -%}
        {{ exceptions.raise_compiler_error(this ~ " is not there, but this run only adds to it; run again with --full") }}
    {%- endif -%}
    {%- if existing is not none and existing.type != 'table' -%}
        {%- do adapter.drop_relation(existing) -%}
    {%- endif -%}
    {{ run_hooks(pre_hooks) }}
    {% call statement('main') %}
        {% if is_full or not which %}
            create or replace table {{ target }}
            {%- if is_stated %} (
                {% for column in model.columns.values() -%}
                {{ column.name }} {{ column.data_type }}{{ ',' if not loop.last }}
                {% endfor %}
            );
            {%- else %} as from ({{ bodies[0] }}) limit 0;
            {%- endif %}
        {% else %}
            delete from {{ target }} where {{ which }};
        {% endif %}
        {% for body in bodies %}
        {%- if is_stated %}
        -- the second part is empty unless the SQL returns a column that the contract does not name: then it fails
        insert into {{ target }} select {{ names }}, * exclude ({{ names }}) from ({{ body }});
        {%- else %}
        insert into {{ target }} by name from ({{ body }});
        {%- endif %}
        {% endfor %}
    {% endcall %}
    {{ run_hooks(post_hooks) }}
    {% do adapter.commit() %}
    {{ return({'relations': [target]}) }}
{% endmacro %}
