{#-
    Hour (UTC) that a logged event counts in: its own, if that is on the day in the name of its file or
    one beside; else that in the name.
-#}
{% macro event_hour_at(occurred_hour_at, file_date, file_hour) -%}
    case
        when
            cast({{ occurred_hour_at }} as date) >= {{ file_date }} - interval '1 day'
            and cast({{ occurred_hour_at }} as date) <= {{ file_date }} + interval '1 day'
            then {{ occurred_hour_at }}
        else {{ dbt.date_trunc('hour', file_hour_at(file_date, file_hour)) }}
    end
{%- endmacro %}
