{#- Day of the week as bigint: 1 is Monday, 7 is Sunday. Engines begin their weeks elsewhere. -#}
{% macro iso_weekday(day) -%}
    {{ return(adapter.dispatch('iso_weekday', 'adtech')(day)) }}
{%- endmacro %}
