{#
  Who is held out, to compare with: by a hash, so that nobody has to be remembered. The same person draws the same lot
  for a unit whenever asked, and a larger share holds out whom a smaller one did. The namespace never rotates, and
  without it nobody can work a lot out.
#}

{# A person's lot for this unit: evenly spread over 0 to below 1, and of no other unit's lots (52 bits of a SHA-256). #}
{% macro lot(unit, customer_id) -%}
    (cast('0x' || substr(sha256(getvariable('smalti_namespace') || encode('holdout:' || {{ unit }} || ':' || {{ customer_id }})), 1, 13) as bigint) / 4503599627370496.0)
{%- endmacro %}

{# The person gets nothing anywhere. #}
{% macro is_in_global_control() -%}
    {{ lot("'everything'", 'customer_id') }} < global_control_share
{%- endmacro %}

{# The person is in the control group of this segment, or gets nothing anywhere. One lot a segment: whoever is held out
   at one destination is so at each other whose share is at least as large. #}
{% macro is_in_control() -%}
    ({{ is_in_global_control() }} or {{ lot("'segment:' || segment_id", 'customer_id') }} < holdout_share)
{%- endmacro %}

{# How probable it was that a person falls into control. #}
{% macro control_propensity() -%}
    (global_control_share + holdout_share - global_control_share * holdout_share)
{%- endmacro %}
