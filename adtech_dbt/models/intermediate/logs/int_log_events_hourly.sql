{{ config(materialized='incremental', tags='daily') }}

{%- set in_euros = ['eur_impressions', 'total_cost_eur'] -%}
{%- set counted = (log_counts() + log_amounts()) | reject('in', in_euros) | list %}

with

-- The hour of an event may be on the day before or after its file's.
impressions as (

    select * from {{ ref('stg_logs__impressions') }}
    where {{ in_day_window('file_date', days_around=1) }}

),

clicks as (

    select * from {{ ref('stg_logs__clicks') }}
    where {{ in_day_window('file_date', days_around=1) }}

),

-- Counted before hours and ids are worked out: there are far fewer of these than of events. By the
-- rate too, so that an amount is changed into euros once.
counted_impressions as (

    select
        campaign_id,
        user_agent,
        currency,
        banner_size,
        file_hour,
        count(*) as impressions,
        nullif(count(total_cost), 0) as priced_impressions,
        {{ sum_if('is_eligible') }} as eligible_impressions,
        nullif(count(is_viewable_by_mrc), 0) as measurable_impressions,
        {{ sum_if('is_viewable_by_mrc') }} as viewable_impressions,
        {{ sum_if('is_viewable_by_feed') }} as feed_viewable_impressions,
        sum(case when is_viewable_by_mrc is not null then visible_ms end) as visible_ms,
        nullif(count(is_campaign_unique), 0) as flagged_impressions,
        {{ sum_if('is_campaign_unique') }} as campaign_unique_impressions,
        {{ sum_if('is_campaign_day_unique') }} as campaign_day_unique_impressions,
        sum(media_cost) as media_cost,
        sum(total_cost) as total_cost,
        sum(data_cost) as data_cost,
        sum(brand_safety_cost) as brand_safety_cost,
        sum(rich_media_cost) as rich_media_cost,
        sum(trading_desk_fee) as trading_desk_fee,
        eur_rate,
        is_fraud,
        file_date,
        {{ dbt.date_trunc('hour', 'occurred_at') }} as occurred_hour_at

    from impressions

    group by 1, 2, 3, 4, 5, 22, 23, 24, 25

),

counted_clicks as (

    select
        campaign_id,
        user_agent,
        file_hour,
        count(*) as clicks,
        nullif(count(latency_ms), 0) as timed_clicks,
        {{ sum_if('latency_ms < 0') }} as clicks_before_impression,
        {{ sum_if('latency_ms between 0 and 999') }} as clicks_under_1s,
        {{ sum_if('latency_ms between 1000 and 9999') }} as clicks_1_to_10s,
        {{ sum_if('latency_ms between 10000 and 59999') }} as clicks_10_to_60s,
        {{ sum_if('latency_ms >= 60000') }} as clicks_over_60s,
        is_fraud,
        file_date,
        {{ dbt.date_trunc('hour', 'occurred_at') }} as occurred_hour_at

    from clicks

    group by 1, 2, 3, 11, 12, 13

),

-- What one kind of events has not is NULL of the other.
counts as (

    select
        campaign_id,
        user_agent,
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

    from counted_impressions

    union all

    select
        campaign_id,
        user_agent,
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

    from counted_clicks

),

placed as (

    select
        *,
        {{ user_agent_id('user_agent') }} as user_agent_id,
        coalesce(cast(campaign_id as {{ dbt.type_string() }}), '') as log_campaign_id,
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
