{#-
    The days this invocation builds, as (first day, day after the last) in ISO form:

        dbt build --event-time-start 2022-05-26 --event-time-end 2022-05-29

    is three days; with `days_around` 1 it is five. None stands for all days: no window given, or a
    full refresh, which would otherwise lose every day outside the window.
-#}
{% macro day_window(days_around=0) -%}
    {%- set start = invocation_args_dict.get('event_time_start') -%}
    {%- set end = invocation_args_dict.get('event_time_end') -%}
    {%- if start is none or end is none or should_full_refresh() -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set midnight = modules.datetime.time.min -%}
    {%- if start.time() != midnight or end.time() != midnight -%}
        {{ exceptions.raise_compiler_error(
            'The window must consist of whole days, not ' ~ start ~ ' to ' ~ end ~ '.'
        ) }}
    {%- endif -%}
    {%- set around = modules.datetime.timedelta(days=days_around) -%}
    {{ return(((start.date() - around).isoformat(), (end.date() + around).isoformat())) }}
{%- endmacro %}
