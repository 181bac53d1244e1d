{#-
    dbt's test of the same name, for keys of several columns too, written `(campaign_id, hour_at)`.
    Fails for each key that occurs twice; two NULLs are the same here. With `day`, the column with
    the day of a row, only the days that this test is for are looked at (day_window): the others
    have been when they were built.
-#}
{% test unique(model, column_name, day=none) %}

select {{ column_name.strip('()') }}

from {{ model }}

{% if day is not none -%}
where {{ in_day_window(day) }}
{%- endif %}

group by {{ column_name.strip('()') }}

having count(*) > 1

{% endtest %}
