{#- Local time of the feed at a UTC time, both naive: that of flights, and of hours in profiles. -#}
{% macro feed_time(at) -%}
    {{ utc_to_local(at, env_var('ADTECH_TIMEZONE', 'Europe/Copenhagen')) }}
{%- endmacro %}
