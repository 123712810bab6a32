{# HMAC-SHA256 of an identifier (64 hex digits); the pads are variables of the session, bound by the plugin of the profile. #}
{% macro pseudonym(kind, value) -%}
    sha256(getvariable('smalti_outer_pad') || unhex(sha256(getvariable('smalti_inner_pad') || encode({{ kind }} || ':' || {{ value }}))))
{%- endmacro %}

{# UUIDv5 (RFC 9562) under the secret namespace. `digest` is made by `uuid5_digest`. #}
{% macro uuid5_digest(name) -%}
    sha1(getvariable('smalti_namespace') || encode({{ name }}))
{%- endmacro %}

{% macro uuid5(digest) -%}
    substr({{ digest }}, 1, 8)
    || '-' || substr({{ digest }}, 9, 4)
    || '-5' || substr({{ digest }}, 14, 3)
    || '-' || substr('89ab', cast('0x' || substr({{ digest }}, 17, 1) as integer) % 4 + 1, 1) || substr({{ digest }}, 18, 3)
    || '-' || substr({{ digest }}, 21, 12)
{%- endmacro %}
