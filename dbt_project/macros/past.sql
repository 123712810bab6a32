{# Who holds today what people of past cut-offs held then: people merge and split. The model imports `past_features`, of
   `source('past', 'customer_features')`, and `customer_ids`. #}
{% macro past_holders() -%}
    select distinct
        held.cutoff_at,
        held.customer_id,
        customer_ids.customer_id as holder_id
    from (
        select
            cutoff_at,
            customer_id,
            unnest(identifier_hashes) as identifier_hash
        from past_features
    ) as held
    inner join customer_ids on held.identifier_hash = customer_ids.identifier_hash
{%- endmacro %}
