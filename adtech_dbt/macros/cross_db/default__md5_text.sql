{% macro default__md5_text(text) -%}
    md5({{ text }})
{%- endmacro %}
