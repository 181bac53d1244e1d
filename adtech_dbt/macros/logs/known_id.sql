{#- An id of the feed as text, empty where it says none: 0, or less. -#}
{% macro known_id(id) -%}
    case when {{ id }} = '0' or {{ id }} like '-%' then '' else {{ key_text(id, 255) }} end
{%- endmacro %}
