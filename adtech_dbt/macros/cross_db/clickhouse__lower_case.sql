{#- lower() knows of ASCII only. -#}
{% macro clickhouse__lower_case(text) -%}
    lowerUTF8({{ text }})
{%- endmacro %}
