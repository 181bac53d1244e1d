{#- Placements that a campaign's day has rows of its own for; the others are one. -#}
{% macro most_placements() -%}
    50 * {{ most_members() }}
{%- endmacro %}
