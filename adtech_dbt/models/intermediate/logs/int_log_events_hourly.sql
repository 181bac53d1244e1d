{{ config(materialized='incremental', tags='daily') }}

{%- set in_euros = ['eur_impressions', 'total_cost_eur'] -%}
{%- set counted = (log_counts() + log_amounts()) | reject('in', in_euros) | list %}

with

-- The hour of an event may be on the day before or after its file's.
impressions as (

    select * from {{ ref('stg_rollup__hourly_impressions') }}
    where {{ in_day_window('file_date', days_around=1) }}

),

clicks as (

    select * from {{ ref('stg_rollup__hourly_clicks') }}
    where {{ in_day_window('file_date', days_around=1) }}

),

-- What one kind of events has not is NULL of the other.
counts as (

    select
        user_agent_id,
        log_campaign_id,
        currency,
        banner_size,
        file_hour,
        impressions,
        0 as clicks,
        case when eur_rate is not null then priced_impressions end as eur_impressions,
        cast(cast(total_cost as decimal(38, 12)) * eur_rate as decimal(38, 12)) as total_cost_eur,
        {%- for name in counted %}
            {{ 'null as ' ~ name if 'clicks' in name else name }},
        {%- endfor %}
        is_fraud,
        file_date,
        occurred_hour_at

    from impressions

    union all

    select
        user_agent_id,
        log_campaign_id,
        '' as currency,
        '' as banner_size,
        file_hour,
        0 as impressions,
        clicks,
        null as eur_impressions,
        null as total_cost_eur,
        {%- for name in counted %}
            {{ name if 'clicks' in name else 'null as ' ~ name }},
        {%- endfor %}
        is_fraud,
        file_date,
        occurred_hour_at

    from clicks

),

placed as (

    select
        *,
        {{ event_hour_at('occurred_hour_at', 'file_date', 'file_hour') }} as hour_at

    from counts

),

hourly as (

    select
        user_agent_id,
        log_campaign_id,
        currency,
        banner_size,
        is_fraud,
        cast(hour_at as date) as event_date,
        hour_at,
        cast(sum(impressions) as bigint) as impressions,
        {{- log_sums() }}
        cast(sum(clicks) as bigint) as clicks

    from placed

    group by 1, 2, 3, 4, 5, 6, 7

),

final as (

    select * from hourly
    where {{ in_day_window() }}

)

select * from final
