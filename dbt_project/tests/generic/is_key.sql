{# The columns together name a row: no part is null and no combination stands twice. One test, because each costs a query a night.
   Under a column it speaks of that column. #}
{% test is_key(model, columns=none, column_name=none) %}
{%- set columns = columns or [column_name] %}

select
    {{ columns | join(', ') }},
    count(*) as rows_count
from {{ model }}
group by all
having count(*) > 1{% for column in columns %} or {{ column }} is null{% endfor %}

{% endtest %}
