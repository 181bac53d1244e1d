{% macro default__replace_days(target, source, columns) -%}
    delete from {{ target }}
    where {{ in_day_window() }};

    {{ get_insert_into_sql(target, source, columns) }}
{%- endmacro %}
