{% macro default__range_of_days(first, last) -%}
    range between interval {{ first }} days preceding and interval {{ last }} days preceding
{%- endmacro %}
