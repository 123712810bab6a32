{# All that may be told of the people whose ids stand in a step, one row a person; nothing else of them is read. The model
   imports `customers`, `propensity` of purchases, `recommendations` and `affinities`; `told_for` in the columns' tags says for what each may be told. #}
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
        propensity.tier as purchase_tier,
        recommended.product_ids as recommended_products,
        likeliest.category as next_category
    from customers
    left join propensity on customers.customer_id = propensity.customer_id
    left join (
        select
            recommendations.customer_id,
            string_agg(recommendations.product_id, '|' order by recommendations.rank) as product_ids
        from recommendations
        where recommendations.customer_id in (select {{ people }}.customer_id from {{ people }})
        group by recommendations.customer_id
    ) as recommended on customers.customer_id = recommended.customer_id
    left join (
        select
            affinities.customer_id,
            arg_max(affinities.category, (affinities.probability, affinities.category)) as category
        from affinities
        where affinities.customer_id in (select {{ people }}.customer_id from {{ people }})
        group by affinities.customer_id
    ) as likeliest on customers.customer_id = likeliest.customer_id
    where customers.customer_id in (select {{ people }}.customer_id from {{ people }})
{%- endmacro %}
