{{ config(materialized='incremental', tags='daily') }}

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

events as (

    select
        campaign_id,
        user_agent,
        file_hour,
        1 as impressions,
        0 as clicks,
        is_fraud,
        file_date,
        occurred_at

    from impressions

    union all

    select
        campaign_id,
        user_agent,
        file_hour,
        0 as impressions,
        1 as clicks,
        is_fraud,
        file_date,
        occurred_at

    from clicks

),

-- Counted before hours and ids are worked out: there are far fewer of these than of events.
counts as (

    select
        campaign_id,
        user_agent,
        file_hour,
        sum(impressions) as impressions,
        sum(clicks) as clicks,
        is_fraud,
        file_date,
        {{ dbt.date_trunc('hour', 'occurred_at') }} as occurred_hour_at

    from events

    group by 1, 2, 3, 6, 7, 8

),

placed as (

    select
        {{ user_agent_id('user_agent') }} as user_agent_id,
        coalesce(cast(campaign_id as {{ dbt.type_string() }}), '') as log_campaign_id,
        impressions,
        clicks,
        is_fraud,
        case
            when
                cast(occurred_hour_at as date) >= file_date - interval '1 day'
                and cast(occurred_hour_at as date) <= file_date + interval '1 day'
                then occurred_hour_at
            else {{ dbt.date_trunc('hour', file_hour_at('file_date', 'file_hour')) }}
        end as hour_at

    from counts

),

hourly as (

    select
        user_agent_id,
        log_campaign_id,
        cast(sum(impressions) as bigint) as impressions,
        cast(sum(clicks) as bigint) as clicks,
        is_fraud,
        cast(hour_at as date) as event_date,
        hour_at

    from placed

    group by 1, 2, 5, 6, 7

),

final as (

    select * from hourly
    where {{ in_day_window() }}

)

select * from final
