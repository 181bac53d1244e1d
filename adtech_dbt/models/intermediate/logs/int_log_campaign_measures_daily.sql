{{ config(materialized='incremental', tags='daily') }}

with

log_events as (

    select * from {{ ref('int_log_events_classified') }}
    where {{ in_day_window() }}

),

final as (

    select
        log_campaign_id,
        currency,
        banner_size,
        invalid_reason,
        event_date,
        cast(sum(impressions) as bigint) as impressions,
        {{- log_sums() }}
        cast(sum(clicks) as bigint) as clicks

    from log_events

    group by 1, 2, 3, 4, 5

)

select * from final
