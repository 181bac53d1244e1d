{% macro default__lower_case(text) -%}
    lower({{ text }})
{%- endmacro %}
