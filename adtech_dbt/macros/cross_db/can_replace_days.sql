{#- Whether the engine's incremental models can replace the days of a window; else all days are built. -#}
{% macro can_replace_days() -%}
    {{ return(adapter.dispatch('can_replace_days', 'adtech')()) }}
{%- endmacro %}
