{#
  What a run executes instead of a model's own steps, with the same answer.

  `measure_everybody`: what is picked from the scores is a view of them. What it saves: writing every id once more for
  each segment, which costs more than finding them.

  `numbered`: the steps need `customer_id` only to tell people apart. There it is its 64-bit hash, and the measures are
  written with the id again. What it saves: joining, grouping and sorting millions of rows by 36 characters of text. A
  sieve hashes the id anyway: it takes the number as it is, so exactly the same rows pass.

  `touched_by_number`: the same for what is kept of each person (`per_customer`): up to the step of that name people are
  numbers. What it saves: a third to two thirds of sessions, interests and habits (docs/decisions/0032). Where their
  events are too many for the memory, people are counted in slices, one after the other (docs/decisions/0033).

  `at_moment`: the run's moment as a literal. What it saves: a join of all events with the control row, and the row
  groups of older events (docs/decisions/0030).
#}
{% macro measure_everybody(measures, body, version) %}
    {%- set is_view = not model.refs and not model.sources | map('first') | reject('eq', 'scores') | list -%}
    {%- set kind, other = ('view', 'table') if is_view else ('table', 'view') -%}
    {%- if run_query(stands_as(measures, other)) | length -%}
        drop {{ other }} {{ measures }};
    {%- endif %}
    create or replace {{ kind }} {{ measures }} as {{ for_everybody(body) }};
    comment on {{ kind }} {{ measures }} is '{{ version }}';
{% endmacro %}

{% macro stands_as(measures, kind) -%}
    select 1 from information_schema.tables
    where
        table_catalog = '{{ measures.database }}' and table_schema = '{{ measures.schema }}'
        and table_name = '{{ measures.identifier }}'
        and (table_type = 'VIEW') = {{ kind == 'view' }}
{%- endmacro %}

{% macro for_everybody(body) %}
    {{ return(at_moment(numbered(body) if tells_people_apart() and numbers_differ() else body)) }}
{% endmacro %}

{% macro at_moment(body) %}
    {%- set moment = run_query('select cast(as_of as varchar) from ' ~ source('ops', 'control')).columns[0].values()[0] -%}
    {{ return(body.replace('(select as_of from ' ~ source('ops', 'control') ~ ')', "timestamp '" ~ moment ~ "'")) }}
{% endmacro %}

{% macro numbered(body) %}
    {%- set steps = [modules.re.sub('\\bhash\\(customer_id\\)', 'customer_id', body).replace(model_relation('customer_events'), numbered_events())] -%}
    {%- for name in ['customers', 'sessions'] -%}
        {%- set people = '(select * replace (hash(customer_id) as customer_id) from ' ~ model_relation(name) ~ ')' -%}
        {%- do steps.append(steps[-1].replace(model_relation(name), people)) -%}
    {%- endfor -%}
    select numbered.* replace (people.customer_id as customer_id)
    from ({{ steps[-1] }}) as numbered
    left join (
        select
            hash(customer_id) as customer_number,
            any_value(customer_id) as customer_id
        from {{ model_relation('customer_ids') }}
        group by customer_number
    ) as people on numbered.customer_id = people.customer_number
{% endmacro %}

{% macro numbered_events() -%}
    (
        select
            ids.customer_id,
            event_log.* exclude (identifier_number, run_number)
        from {{ model_relation('event_log') }} as event_log
        inner join (
            select
                identifier_number,
                hash(customer_id) as customer_id
            from {{ model_relation('customer_ids') }}
        ) as ids on event_log.identifier_number = ids.identifier_number
    )
{%- endmacro %}

{# Whether the steps know people by their id alone, and read no table in which it is not made a number above. #}
{% macro tells_people_apart() %}
    {%- set known = ['model.smalti.customer_events', 'model.smalti.customers', 'model.smalti.sessions', 'model.smalti.products', 'source.smalti.ops.control'] -%}
    {{ return('model.smalti.customer_events' in model.depends_on.nodes and not model.depends_on.nodes | reject('in', known) | list and found_to('tells_apart')) }}
{% endmacro %}

{# Whether no two people share a number: `customers` has a row for each. #}
{% macro numbers_differ() %}
    {%- set count = 'select count(distinct hash(customer_id)) = count(*) from ' ~ model_relation('customers') -%}
    {{ return(run_query(count).columns[0].values()[0]) }}
{% endmacro %}

{# The model's SQL, its steps up to `per_customer` over numbers of people, once for each slice of them; the SQL as it is
   where two share a number. #}
{% macro touched_by_number(body) %}
    {%- set touched = model_relation('touched') -%}
    {%- set differ = 'select count(distinct hash(customer_id)) = count(*) from ' ~ touched -%}
    {%- if not run_query(differ).columns[0].values()[0] -%}
        {{ return([body]) }}
    {%- endif -%}
    {%- set slices = slices_of_people() -%}
    {%- set bodies = [] -%}
    {%- for slice in range(slices) -%}
        {%- do bodies.append(slice_by_number(body, 'hash(customer_id) % ' ~ slices ~ ' = ' ~ slice if slices > 1 else 'true')) -%}
    {%- endfor -%}
    {{ return(bodies) }}
{% endmacro %}

{# As many slices as let the events of one, with what is counted of each, find room in the memory that DuckDB may use.
   A person has two identifiers or more, so that many events are touched at most. #}
{% macro slices_of_people() %}
    {%- set events -%}
        select count(*) * least(1, 2 * (select count(*) from {{ model_relation('touched') }}) / (select count(*) from {{ model_relation('customer_ids') }}))
        from {{ model_relation('event_log') }}
    {%- endset -%}
    {{ return(slices_for('(' ~ events ~ ') * ' ~ var('bytes_an_event'))) }}
{% endmacro %}

{# What a model reads by person, of which some people may be read alone, as it stands in compiled SQL. Of `customers` orders
   are read as a whole, for quintiles are places among all buyers; consents find their person among all. #}
{% macro read_by_person() %}
    {%- set models = {
        'anomalies': ['event_anomalies', 'customer_orders'],
        'customer_consents': [],
        'customer_favourites': ['interests'],
        'customer_habits': ['event_blocks'],
        'customer_relationship': ['customer_messages', 'customer_tickets', 'customer_feedback', 'customer_loyalty', 'customer_promotions', 'customer_prices', 'customer_consents'],
        'customers_history': ['customers'],
        'interests': ['event_interests', 'customer_orders'],
        'customers': ['customer_ids', 'customer_attributes', 'customer_activity', 'customer_favourites', 'customer_habits', 'customer_relationship', 'anomalies'],
        'measures_history': ['customers', 'measures'],
    } -%}
    {%- set decisions = {'customers_history': ['customers_history'], 'measures_history': ['measures_history']} -%}
    {%- set found = {} -%}
    {%- for name in models[this.identifier] -%}
        {%- do found.update({name: model_relation(name)}) -%}
    {%- endfor -%}
    {%- for name in decisions.get(this.identifier, []) -%}
        {%- do found.update({name: source('durable', name) | string}) -%}
    {%- endfor -%}
    {{ return(found) }}
{% endmacro %}

{# The model's SQL, once for each slice of people. #}
{% macro people_in_slices(body) %}
    {%- set identifiers = '(select count(*) from ' ~ model_relation('customer_ids') ~ ') * ' ~ var('bytes_an_identifier') -%}
    {%- set slices = slices_for(identifiers) -%}
    {%- set bodies = [] -%}
    {%- for slice in range(slices) -%}
        {%- do bodies.append(of_people(body, 'hash(customer_id) % ' ~ slices ~ ' = ' ~ slice) if slices > 1 else body) -%}
    {%- endfor -%}
    {{ return(bodies) }}
{% endmacro %}

{# The model's SQL of the people whom this run touched; consents are looked at where any identifier is one of theirs. #}
{% macro of_touched(body) %}
    {%- set theirs = 'customer_id in (select customer_id from ' ~ model_relation('touched') ~ ')' -%}
    {%- set keys = '(select identifier_key from ' ~ model_relation('customer_ids') ~ ' where ' ~ theirs ~ ')' -%}
    {%- set said = ' where ' ~ ['user_id', 'device_id', 'anonymous_id', 'email_hash'] | join(' in ' ~ keys ~ ' or ') ~ ' in ' ~ keys -%}
    {%- set consents = model_relation('consents') -%}
    {%- set sieved = body.replace('from ' ~ consents, 'from (select * from ' ~ consents ~ said ~ ') as consents') -%}
    {{ return('select * from (' ~ of_people(sieved, theirs) ~ ') where ' ~ theirs) }}
{% endmacro %}

{# The model's SQL over the rows that this holds of, of what it reads by person. #}
{% macro of_people(body, condition) %}
    {%- set found = [body] -%}
    {%- for name, relation in read_by_person().items() -%}
        {%- set theirs = '(select * from ' ~ relation ~ ' where ' ~ condition ~ ') as ' ~ name -%}
        {%- do found.append(modules.re.sub('(from|join) ' ~ modules.re.escape(relation) ~ '( as ' ~ name ~ ')?', '\\1 ' ~ theirs, found[-1])) -%}
    {%- endfor -%}
    {{ return(found[-1]) }}
{% endmacro %}

{# As many slices as let each find room in the memory that DuckDB may use, all together being of so many bytes. #}
{% macro slices_for(bytes) %}
    {%- set slices = 'greatest(1, ceil((' ~ bytes ~ ") / parse_formatted_bytes(current_setting('memory_limit'))))" -%}
    {{ return(run_query('select cast(' ~ slices ~ ' as integer)').columns[0].values()[0]) }}
{% endmacro %}

{% macro slice_by_number(body, condition) %}
    {%- set touched = model_relation('touched') -%}
    {%- set steps, rule = body.rsplit('\n' ~ this.identifier ~ ' as (', 1) -%}
    {%- set numbered = [at_moment(steps.rstrip().rstrip(','))] -%}
    {%- for name in ['touched', 'event_blocks', 'sessions'] -%}
        {%- set people = '(select * replace (hash(customer_id) as customer_id) from ' ~ model_relation(name) ~ ' where ' ~ condition ~ ')' -%}
        {%- do numbered.append(numbered[-1].replace('from ' ~ model_relation(name), 'from ' ~ people).replace('join ' ~ model_relation(name), 'join ' ~ people)) -%}
    {%- endfor -%}
    {%- set steps_by_number -%}
        with per_customer as (
            select numbered.* replace (people.customer_id as customer_id)
            from ({{ numbered[-1].replace(model_relation('touched_events'), touched_events_by_number(condition)) }} select * from per_customer) as numbered
            inner join (select customer_id, hash(customer_id) as customer_number from {{ touched }} where {{ condition }}) as people
                on numbered.customer_id = people.customer_number
        ),
        {{ this.identifier }} as ({{ rule }}
    {%- endset -%}
    {{ return(steps_by_number) }}
{% endmacro %}

{% macro touched_events_by_number(condition) -%}
    (
        select
            ids.customer_id as customer_id,
            event_log.* exclude (identifier_number, run_number)
        from {{ model_relation('event_log') }} as event_log
        inner join (
            select
                customer_ids.identifier_number,
                hash(customer_ids.customer_id) as customer_id
            from {{ model_relation('customer_ids') }} as customer_ids
            semi join (select * from {{ model_relation('touched') }} where {{ condition }}) as touched
                on customer_ids.customer_id = touched.customer_id
        ) as ids on event_log.identifier_number = ids.identifier_number
    )
{%- endmacro %}
