{#- Fails for each row of a model that is empty while all is well. -#}
{% test no_rows(model) %}

select * from {{ model }}

{% endtest %}
