{#- extract(epoch ...) is of whole seconds here. -#}
{% macro clickhouse__milliseconds_between(first, last) -%}
    {%- set microseconds = "dateDiff('microsecond', " ~ first ~ ", " ~ last ~ ")" -%}
    cast(sign({{ microseconds }}) * intDiv(abs({{ microseconds }}) + 500, 1000) as bigint)
{%- endmacro %}
