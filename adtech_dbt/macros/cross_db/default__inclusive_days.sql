{% macro default__inclusive_days(first, last) -%}
    {{ last }} - {{ first }} + 1
{%- endmacro %}
