{#- Number of days from one date to another, both included, as bigint; 0 or less if they are reversed. -#}
{% macro inclusive_days(first, last) -%}
    {{ return(adapter.dispatch('inclusive_days', 'adtech')(first, last)) }}
{%- endmacro %}
