{#- Number of rows of which a condition is true; NULL where it is known of none. -#}
{% macro sum_if(condition) -%}
    cast(sum(case when {{ condition }} then 1 when not ({{ condition }}) then 0 end) as bigint)
{%- endmacro %}
