{#- By the offset: a time in another zone would only be shown as local there. -#}
{% macro clickhouse__utc_to_local(at, zone) -%}
    {{ at }} + toIntervalSecond(timeZoneOffset(toTimeZone({{ at }}, '{{ zone }}')))
{%- endmacro %}
