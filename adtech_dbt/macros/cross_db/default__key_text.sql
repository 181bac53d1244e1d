{% macro default__key_text(value, letters) -%}
    coalesce(left(replace(trim({{ value }}), chr(0), chr(65533)), {{ letters }}), '')
{%- endmacro %}
