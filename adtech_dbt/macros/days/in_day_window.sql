{#-
    Predicate: the row's day is one of those that this invocation builds. Rows without a day
    belong to every window, so undated events are up to date after any run.

    `days_around` widens the window at both ends. Left out, it is what the model's `meta` says, so
    that a model reads, and replaces, the same days.
-#}
{% macro in_day_window(day='event_date', days_around=none) -%}
    {%- set own = (config.get('meta') or {}).get('days_around', 0) -%}
    {%- set window = day_window(own if days_around is none else days_around) -%}
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
