{#- Campaigns whose advertiser is unknown belong to this id; source ids are positive. -#}
{% macro unknown_advertiser_id() -%}
    -1
{%- endmacro %}
