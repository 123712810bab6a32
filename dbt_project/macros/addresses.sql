{# A parameter of an address' query, percent-decoded; as it stands where it decodes to no text, null where it is empty.
   Few addresses have it: looking for its name first saves a regular expression on all others. #}
{% macro url_parameter(address, name) -%}
    {%- set encoded -%}
        replace(regexp_extract({{ address }}, '[?&]{{ name }}=([^&#]*)', 1), '+', ' ')
    {%- endset -%}
    case
        when contains({{ address }}, '{{ name }}=')
            then nullif(trim(coalesce(try(url_decode({{ encoded }})), {{ encoded }})), '')
    end
{%- endmacro %}

{# The host of an address, lower case, without `www.`, port and login; null where there is none. #}
{% macro url_host(address) -%}
    nullif(lower(regexp_extract({{ address }}, '^\w[\w+.-]*://(?:[^/?#@]*@)?(?:www\.)?([^/?#:]+)', 1, 'i')), '')
{%- endmacro %}

{# The host that a page was reached from; null where there is none, or it is the page's own: what leads from one page of
   a shop to the next is no referrer. #}
{% macro referrer_domain(referrer, address) -%}
    case when {{ referrer }} is not null then nullif({{ url_host(referrer) }}, {{ url_host(address) }}) end
{%- endmacro %}
