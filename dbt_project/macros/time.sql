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

{# This moment, or where it lies in quiet hours (UTC, the first one included, the last one not) their end; without quiet
   hours the moment itself. #}
{% macro after_quiet_hours(moment, from_hour, to_hour) -%}
    case
        when
            if(
                {{ from_hour }} < {{ to_hour }},
                hour({{ moment }}) >= {{ from_hour }} and hour({{ moment }}) < {{ to_hour }},
                hour({{ moment }}) >= {{ from_hour }} or hour({{ moment }}) < {{ to_hour }}
            )
            then
                date_trunc('day', {{ moment }})
                + to_hours({{ to_hour }})
                + if(hour({{ moment }}) < {{ to_hour }}, interval 0 day, interval 1 day)
        else {{ moment }}
    end
{%- endmacro %}
