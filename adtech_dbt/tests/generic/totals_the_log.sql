{#-
    Fails for each day on which a column of a mart has another sum than the logged events: impressions
    or clicks, all or valid ones only.
-#}
{% test totals_the_log(model, column_name, events, only_valid=false) %}

with

balance as (

    select
        event_date,
        {{ events }} as missing

    from {{ ref('int_log_campaign_measures_daily') }}
    {% if only_valid -%}
    where invalid_reason = 'none'
    {%- endif %}

    union all

    select
        event_date,
        -{{ column_name }} as missing

    from {{ model }}

)

select
    event_date,
    sum(missing) as missing_{{ events }}

from balance

group by 1

having sum(missing) != 0

{% endtest %}
