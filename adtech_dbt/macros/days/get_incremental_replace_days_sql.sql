{#-
    Incremental strategy `replace_days`: all rows of the window give way to the new ones, in the
    transaction of the materialization. Keys that vanished from the source vanish here too, which
    delete+insert by key cannot do, and a year costs one statement instead of one per day as with
    microbatch. Such a model has a column event_date and filters its inputs with in_day_window(); if
    all days are built, it is made anew (should_full_refresh).
-#}
{% macro get_incremental_replace_days_sql(arg_dict) -%}
    {{ return(replace_days(
        arg_dict['target_relation'], arg_dict['temp_relation'], arg_dict['dest_columns']
    )) }}
{%- endmacro %}
