{% macro clickhouse__iso_weekday(day) -%}
    cast(toDayOfWeek({{ day }}) as bigint)
{%- endmacro %}
