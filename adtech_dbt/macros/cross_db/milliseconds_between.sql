{#- Whole milliseconds from one timestamp to another, as bigint; below 0 if they are reversed. -#}
{% macro milliseconds_between(first, last) -%}
    {{ return(adapter.dispatch('milliseconds_between', 'adtech')(first, last)) }}
{%- endmacro %}
