{% macro clickhouse__md5_text(text) -%}
    lower(hex(MD5({{ text }})))
{%- endmacro %}
