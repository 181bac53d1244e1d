{% macro default__first_moment() -%}
    cast('0001-01-01' as timestamp)
{%- endmacro %}
