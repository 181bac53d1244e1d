{% macro clickhouse__inclusive_days(first, last) -%}
    dateDiff('day', {{ first }}, {{ last }}) + 1
{%- endmacro %}
