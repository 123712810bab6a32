{#
  `segment`: a table of who is in it, so that what fails on some row fails under the segment's own name. What its rule
  decides by, the step `measured`, is kept beside it as the table `segment_measures.<segment>`: it tells why somebody is
  in or out, and it saves the scan of all events: where a segment reads nothing but people and their events, a run
  measures again only those of whom something may differ. A segment that only picks from the scores measures what
  stands there: that is a view.
#}
{% materialization segment, adapter='duckdb' %}
    {%- set table = this.incorporate(type='table') -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- if existing is not none and existing.type != 'table' -%}
        {%- do adapter.drop_relation(existing) -%}
    {%- endif -%}
    {% call statement('main') %}
        {% if is_measured(sql) %}
            {%- set steps, rule = sql.rsplit('\n' ~ this.identifier ~ ' as (', 1) %}
            {{ measure(this, steps.rstrip().rstrip(',') ~ '\n\nselect * from measured') }}
            create or replace table {{ table }} as
            with measured as (select * from {{ measures_of(this) }}), {{ this.identifier }} as ({{ rule }};
        {% else %}
            create or replace table {{ table }} as {{ sql }};
        {% endif %}
    {% endcall %}
    {% do adapter.commit() %}
    {{ return({'relations': [table]}) }}
{% endmaterialization %}

{# Whether a segment decides by more than the columns of `customers`. #}
{% macro is_measured(code) %}
    {{ return('\nmeasured as (' in code) }}
{% endmacro %}

{# Where that stands which a segment measured. #}
{% macro measures_of(segment) %}
    {{ return(api.Relation.create(database=segment.database, schema='segment_measures', identifier=segment.identifier)) }}
{% endmacro %}

{# SQL that brings the measures up to date: of everybody, or of those of whom they may differ since the last run. #}
{% macro measure(segment, body) %}
    {%- set measures = measures_of(segment) -%}
    {%- do adapter.create_schema(measures) -%}
    {%- set version = local_md5(body) -%}
    {%- if can_be_kept(body) and is_kept(segment, version) %}
        {%- set events = model_relation('customer_events') -%}
        create or replace temp table evaluated as {{ people_to_evaluate(body, events) }};
        delete from {{ measures }} where customer_id in (select customer_id from evaluated);
        insert into {{ measures }} by name
        select * from ({{ body.replace(events, '(' ~ events_of_evaluated() ~ ')') }})
        where customer_id in (select customer_id from evaluated);
    {%- else %}
        {{ measure_everybody(measures, body, version) }}
    {%- endif %}
{% endmacro %}

{# A moment before the run's, as `as_of() - interval 30 day` compiles; and as_of() at the end of a comparison. #}
{% macro edges_of(body) %}
    {{ return(modules.re.findall('ops"?\."?control"?\) *- *((?:[0-9.]+ *\* *)?interval *\'?[0-9]+\'? *[a-z]+)', body)) }}
{% endmacro %}

{# Whether this segment's steps were found to be so, before dbt began. #}
{% macro found_to(be) %}
    {%- set found = run_query(
        "select 1 from " ~ source('ops', 'examined_segments') ~ " where " ~ be ~ " and segment_id = '" ~ model.name ~ "'"
    ) -%}
    {{ return(found | length > 0) }}
{% endmacro %}

{# Whether a run can tell of whom the measures may differ: each person's follow from that person's rows alone, only
   people and events are read, time only by its edges. #}
{% macro can_be_kept(body) %}
    {%- set read = ['model.smalti.customers', 'model.smalti.customer_events', 'source.smalti.ops.control'] -%}
    {%- set others = model.depends_on.nodes | reject('in', read) | list -%}
    {%- set moments = modules.re.findall('ops"?\."?control"?\)', body) | length -%}
    {%- set ends = modules.re.findall('< *=? *\(select as_of from [^)]*ops"?\."?control"?\)(?! *-)', body) | length -%}
    {{ return(found_to('stands_alone') and not others and moments == edges_of(body) | length + ends) }}
{% endmacro %}

{# Whether the table holds what this same SQL measured, in runs of earlier moments: of a moment that comes again, what
   was changed and changed back leaves no trace in `customers_history`. #}
{% macro is_kept(segment, version) %}
    {%- set found = run_query(
        "select 1 from duckdb_tables() cross join " ~ source('ops', 'control') ~ " as control"
        ~ " where not control.is_full and control.as_of > control.prev_as_of and schema_name = 'segment_measures' and table_name = '" ~ segment.identifier
        ~ "' and database_name = '" ~ segment.database ~ "' and comment = '" ~ version ~ "'"
    ) -%}
    {{ return(found | length > 0) }}
{% endmacro %}

{# The relation of a model, as it stands in compiled SQL. #}
{% macro model_relation(name) %}
    {%- set node = graph.nodes['model.smalti.' ~ name] -%}
    {{ return(api.Relation.create(database=node.database, schema=node.schema, identifier=node.alias) | string) }}
{% endmacro %}

{# People with new events or another identity, of another row in `customers`, or of whom an event crossed an edge. #}
{% macro people_to_evaluate(body, events) %}
    select customer_id from {{ model_relation('touched') }}
    union
    select customer_id from {{ model_relation('customers_history') }}
    where valid_from = (select as_of from {{ source('ops', 'control') }})
    {%- for edge in edges_of(body) | unique %}
    union
    select events.customer_id
    from {{ events }} as events
    cross join {{ source('ops', 'control') }} as control
    where events.occurred_at >= control.prev_as_of - {{ edge }} and events.occurred_at <= control.as_of - {{ edge }}
    {%- endfor %}
{% endmacro %}

{# Their events: their identifiers first, so that the scan of all events drops everybody else's. #}
{% macro events_of_evaluated() %}
    select ids.customer_id, event_log.* exclude (identifier_number, run_number)
    from {{ model_relation('event_log') }} as event_log
    inner join (
        select customer_ids.identifier_number, customer_ids.customer_id
        from {{ model_relation('customer_ids') }} as customer_ids
        semi join evaluated on customer_ids.customer_id = evaluated.customer_id
    ) as ids on event_log.identifier_number = ids.identifier_number
{% endmacro %}
