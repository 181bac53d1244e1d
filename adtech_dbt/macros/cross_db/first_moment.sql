{#- A timestamp that is before all that happens. -#}
{% macro first_moment() -%}
    {{ return(adapter.dispatch('first_moment', 'adtech')()) }}
{%- endmacro %}
