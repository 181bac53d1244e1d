{#- Members of a dimension that a campaign's day has rows of its own for; the others are one. -#}
{% macro most_members() -%}
    {{ env_var('ADTECH_MOST_MEMBERS', '20') }}
{%- endmacro %}
