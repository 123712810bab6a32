{# Each person and segment of the audience has one proof of consent, and nobody else has any. #}
{% test proves_the_audience(model) %}

with

audience as (

    select
        destination,
        customer_id,
        unnest(segment_ids) as segment_id
    from {{ ref('audience') }}

),

proven as (

    select
        destination,
        customer_id,
        unnest(segment_ids) as segment_id
    from {{ model }}

)

(select * from audience except all select * from proven)
union all
(select * from proven except all select * from audience)

{% endtest %}
