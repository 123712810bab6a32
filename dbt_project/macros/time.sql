{# The moment that this run speaks of. It comes from the control row, so that the compiled SQL of every run is the same text. #}
{% macro as_of() -%}
    (select as_of from {{ source('ops', 'control') }})
{%- endmacro %}

{# The end of the day that this run speaks of (UTC): its moment if that is midnight, else the next midnight. What speaks
   of the moment by this alone stands within a day. #}
{% macro day_end() -%}
    (date_trunc('day', {{ as_of() }} - interval 1 microsecond) + interval 1 day)
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

{# 2 in the fortnight before this run's moment, its last second included; 1 in the one before it; 0 earlier. A model that
   ranks products learns from 0, is tuned on 1 and tested on 2. #}
{% macro fortnight(moment) -%}
    cast(
        case
            when {{ moment }} > {{ as_of() }} - interval 14 day then 2
            when {{ moment }} > {{ as_of() }} - interval 28 day then 1
            else 0
        end as utinyint
    )
{%- endmacro %}
