{#- A text in lower case, whatever its letters. -#}
{% macro lower_case(text) -%}
    {{ return(adapter.dispatch('lower_case', 'adtech')(text)) }}
{%- endmacro %}
