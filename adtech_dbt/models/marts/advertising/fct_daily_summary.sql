{{ config(materialized='incremental', tags='daily') }}

with

extracted_days as (

    select * from {{ ref('stg_operational__extracted_days') }}
    where {{ in_day_window() }}

),

campaign_events as (

    select * from {{ ref('int_campaign_events_hourly') }}
    where {{ in_day_window() }}

),

daily_counts as (

    select
        extracted_days.event_date,
        cast(coalesce(sum(campaign_events.impressions), 0) as bigint) as impressions,
        cast(coalesce(sum(campaign_events.clicks), 0) as bigint) as clicks

    from extracted_days

    left join campaign_events
        on extracted_days.event_date = campaign_events.event_date

    group by 1

),

final as (

    select
        event_date,
        impressions,
        clicks,
        {{ ctr('clicks', 'impressions') }} as ctr

    from daily_counts

)

select * from final
