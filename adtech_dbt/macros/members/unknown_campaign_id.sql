{#- Events whose campaign is unknown are counted under this id; source ids are positive. -#}
{% macro unknown_campaign_id() -%}
    -1
{%- endmacro %}
