{#- The first one that there is here. -#}
{% macro clickhouse__first_moment() -%}
    toDateTime64('1900-01-01 00:00:00', 6)
{%- endmacro %}
