{# The moment that this run speaks of. It comes from the control row, so that the compiled SQL of every run is the same text. #}
{% macro as_of() -%}
    (select as_of from {{ source('ops', 'control') }})
{%- endmacro %}
