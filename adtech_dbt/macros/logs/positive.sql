{#- An id of the feed, NULL where it says none: 0, or less. -#}
{% macro positive(id) -%}
    case when {{ id }} > 0 then {{ id }} end
{%- endmacro %}
