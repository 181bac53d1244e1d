{% macro clickhouse__days_between(relation, first, last) -%}
    select cast({{ first }} + arrayJoin(range({{ inclusive_days(first, last) }})) as date) as date_day
    from {{ relation }}
    where {{ first }} is not null
{%- endmacro %}
