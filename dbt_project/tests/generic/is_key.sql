{# The columns, or the column it stands at, name a row: no part is null and no combination stands twice.
   One test, because each costs a query a night. #}
{% test is_key(model, columns=none, column_name=none) %}
{%- set parts = columns or [column_name] %}

select
    {{ parts | join(', ') }},
    count(*) as rows_count
from {{ model }}
group by all
having count(*) > 1{% for part in parts %} or {{ part }} is null{% endfor %}

{% endtest %}
