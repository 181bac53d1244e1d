{#- The local time in a zone of a UTC time, both naive. -#}
{% macro utc_to_local(at, zone) -%}
    {{ return(adapter.dispatch('utc_to_local', 'adtech')(at, zone)) }}
{%- endmacro %}
