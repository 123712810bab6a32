{# A parameter of an address' query, percent-decoded; as it stands where it decodes to no text, null where it is empty. #}
{% macro url_parameter(address, name) -%}
    {%- set encoded -%}
        replace(regexp_extract({{ address }}, '[?&]{{ name }}=([^&#]*)', 1), '+', ' ')
    {%- endset -%}
    nullif(trim(coalesce(try(url_decode({{ encoded }})), {{ encoded }})), '')
{%- endmacro %}

{# The host of an address, lower case, without `www.`, port and login; null where there is none. #}
{% macro url_host(address) -%}
    nullif(lower(regexp_extract({{ address }}, '^\w[\w+.-]*://(?:[^/?#@]*@)?(?:www\.)?([^/?#:]+)', 1, 'i')), '')
{%- endmacro %}
