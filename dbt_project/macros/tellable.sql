{# All that may be told of the people whose ids stand in a step, one row a person; nothing else of them is read. The model
   imports `customers`, and `propensity` of purchases; `told_for` in the columns' tags says for what each may be told. #}
{% macro tellable(people) -%}
    select
        customers.customer_id,
        customers.state,
        customers.journey_stage,
        customers.rfm_score,
        customers.favourite_category,
        customers.favourite_brand,
        customers.primary_device,
        customers.region,
        customers.loyalty_tier,
        propensity.tier as purchase_tier
    from customers
    left join propensity on customers.customer_id = propensity.customer_id
    where customers.customer_id in (select {{ people }}.customer_id from {{ people }})
{%- endmacro %}
