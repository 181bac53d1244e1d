{% macro default__iso_weekday(day) -%}
    cast(extract(isodow from {{ day }}) as bigint)
{%- endmacro %}
