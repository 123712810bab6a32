{# The moment that this run speaks of. It comes from the control row, so that the compiled SQL of every run is the same text. #}
{% macro as_of() -%}
    (select as_of from {{ source('ops', 'control') }})
{%- endmacro %}

{# How much is left of a weight after this interval: half after each half-life. #}
{% macro remaining(age, half_life_days) -%}
    case
        when {{ half_life_days }} > 0 then pow(2.0, -epoch({{ age }}) / 86400.0 / {{ half_life_days }})
        else error('seeds/interest_weights.csv: a signal has no half_life_days above 0; allowed is any number above 0')
    end
{%- endmacro %}
