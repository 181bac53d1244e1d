{#- Fails for each combination of the columns that occurs twice; two NULLs are the same here. -#}
{% test unique_combination(model, columns) %}

select {{ columns | join(', ') }}

from {{ model }}

group by {{ columns | join(', ') }}

having count(*) > 1

{% endtest %}
