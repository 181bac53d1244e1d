{{ config(materialized='incremental', tags='daily') }}

with

log_events as (

    select * from {{ ref('int_log_events_classified') }}
    where {{ in_day_window() }}

),

reasons as (

    select
        user_agent_id,
        impressions,
        clicks,
        event_date,
        hour_at,
        case when invalid_reason = 'none' then impressions else 0 end as valid_impressions,
        case when invalid_reason = 'none' then clicks else 0 end as valid_clicks,
        case when invalid_reason = 'fraud_flag' then impressions + clicks else 0 end as fraud_flag,
        case when invalid_reason = 'crawler' then impressions + clicks else 0 end as crawler,
        case
            when invalid_reason = 'missing_user_agent' then impressions + clicks else 0
        end as missing_user_agent,
        case
            when invalid_reason = 'non_browser' then impressions + clicks else 0
        end as non_browser

    from log_events

),

final as (

    select
        user_agent_id,
        cast(sum(impressions) as bigint) as gross_impressions,
        cast(sum(clicks) as bigint) as gross_clicks,
        cast(sum(valid_impressions) as bigint) as valid_impressions,
        cast(sum(valid_clicks) as bigint) as valid_clicks,
        cast(sum(fraud_flag) as bigint) as fraud_flag_events,
        cast(sum(crawler) as bigint) as crawler_events,
        cast(sum(missing_user_agent) as bigint) as missing_user_agent_events,
        cast(sum(non_browser) as bigint) as non_browser_events,
        event_date,
        hour_at

    from reasons

    group by 1, 10, 11

)

select * from final
