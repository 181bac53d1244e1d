{#- Start (UTC) of the hour in a log file's name, which is local time of the feed. -#}
{% macro file_hour_at(file_date, file_hour) -%}
    {{ local_to_utc(
        dbt.dateadd('hour', file_hour, 'cast(' ~ file_date ~ ' as timestamp)') | trim,
        env_var('ADTECH_TIMEZONE', 'Europe/Copenhagen')
    ) }}
{%- endmacro %}
