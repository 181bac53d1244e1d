{#-
    Predicate: the row's day is one of those that this invocation builds. Rows without a day
    belong to every window, so undated events are up to date after any run.
-#}
{% macro in_day_window(day='event_date') -%}
    {%- set window = day_window() -%}
    {%- if window is none -%}
        true
    {%- else -%}
        (
            {{ day }} is null
            or (
                {{ day }} >= cast('{{ window[0] }}' as date)
                and {{ day }} < cast('{{ window[1] }}' as date)
            )
        )
    {%- endif -%}
{%- endmacro %}
