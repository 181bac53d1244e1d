{{ config(materialized='incremental', tags='daily') }}

with

log_events as (

    select * from {{ ref('int_log_events_classified') }}
    where {{ in_day_window() }}

),

final as (

    select
        log_campaign_id,
        cast(sum(impressions) as bigint) as impressions,
        cast(sum(clicks) as bigint) as clicks,
        event_date,
        hour_at,
        invalid_reason

    from log_events

    group by 1, 4, 5, 6

)

select * from final
