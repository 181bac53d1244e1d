{% macro default__days_between(relation, first, last) -%}
    select cast(days.day_at as date) as date_day
    from {{ relation }}
    cross join
        lateral unnest(generate_series({{ first }}, {{ last }}, interval 1 day)) as days (day_at)
{%- endmacro %}
