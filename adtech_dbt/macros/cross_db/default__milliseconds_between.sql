{% macro default__milliseconds_between(first, last) -%}
    cast(round(1000 * (extract(epoch from {{ last }}) - extract(epoch from {{ first }}))) as bigint)
{%- endmacro %}
