{#- Other functions know of bytes only; U+FFFD is these three. -#}
{% macro clickhouse__key_text(value, letters) -%}
    coalesce(
        leftUTF8(replace(trim({{ value }}), char(0), char(239, 191, 189)), {{ letters }}), ''
    )
{%- endmacro %}
