{#- Day (UTC) that logged events count on: their own, or that of the hour in the name of their file. -#}
{% macro event_day(occurred_on, file_date, undated_hour) -%}
    coalesce({{ occurred_on }}, cast({{ file_hour_at(file_date, undated_hour) }} as date))
{%- endmacro %}
