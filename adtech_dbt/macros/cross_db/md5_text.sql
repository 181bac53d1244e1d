{#- MD5 of a text's bytes as 32 hexadecimal digits, NULL for NULL. -#}
{% macro md5_text(text) -%}
    {{ return(adapter.dispatch('md5_text', 'adtech')(text)) }}
{%- endmacro %}
