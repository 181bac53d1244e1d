{#-
    Hour (UTC) that logged events count in: their own, if that is on the day in the name of their file or
    one beside, which the facts say; else that in the name.
-#}
{% macro event_hour_at(occurred_hour_at, file_date, file_hour) -%}
    coalesce(
        {{ occurred_hour_at }}, {{ dbt.date_trunc('hour', file_hour_at(file_date, file_hour)) }}
    )
{%- endmacro %}
