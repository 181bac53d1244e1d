{#- A date is a number of days here. -#}
{% macro clickhouse__range_of_days(first, last) -%}
    range between {{ first }} preceding and {{ last }} preceding
{%- endmacro %}
