{#-
    The days that are built of this model, or looked at by this test, as a list of (first day, day
    after the last) in ISO form. They are in the variable `days`, by the model's or the test's name:

        dbt build --vars '{days: {fct_daily_summary: [[2022-05-26, 2022-05-29]]}}'

    is three days; with `days_around` 1 it is five. None stands for all days: of what the variable
    does not name, or has null for, of a full refresh, which would otherwise lose every day outside the
    window, and of an engine that cannot replace days. Without any day, an empty list, only rows without
    a day are meant.
-#}
{% macro day_window(days_around=0) -%}
    {%- set ranges = var('days', {}).get(model.name) -%}
    {%- if ranges is none or dbt.should_full_refresh() or not can_replace_days() -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set around = modules.datetime.timedelta(days=days_around) -%}
    {%- set window = [] -%}
    {%- for first, end in ranges -%}
        {#- YAML takes what looks like one for a date. -#}
        {%- set first_day = modules.datetime.date.fromisoformat(first ~ '') -%}
        {%- set end_day = modules.datetime.date.fromisoformat(end ~ '') -%}
        {%- do window.append(((first_day - around).isoformat(), (end_day + around).isoformat())) -%}
    {%- endfor -%}
    {{ return(window) }}
{%- endmacro %}
