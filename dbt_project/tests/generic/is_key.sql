{# The columns together name a row: no part is null and no combination stands twice. One test, because each costs a query a night. #}
{% test is_key(model, columns) %}

select
    {{ columns | join(', ') }},
    count(*) as rows_count
from {{ model }}
group by all
having count(*) > 1{% for column in columns %} or {{ column }} is null{% endfor %}

{% endtest %}
