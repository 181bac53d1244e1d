{#-
    Predicate: the row's day is one of those that are built of this model, or looked at by this
    test. Rows without a day belong to every window, so undated events are up to date after any
    build. `days_around` widens each range of days at both ends.
-#}
{% macro in_day_window(day='event_date', days_around=0) -%}
    {%- set window = day_window(days_around) -%}
    {%- if window is none -%}
        true
    {%- else -%}
        (
            {{ day }} is null
            {%- for first, end in window %}
            or (
                {{ day }} >= cast('{{ first }}' as date)
                and {{ day }} < cast('{{ end }}' as date)
            )
            {%- endfor %}
        )
    {%- endif -%}
{%- endmacro %}
