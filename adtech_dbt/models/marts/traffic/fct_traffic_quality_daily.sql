{{ config(materialized='incremental', tags='daily') }}

with

log_files as (

    select * from {{ ref('stg_logs__log_files') }}
    where status = 'loaded' and {{ in_day_window('file_date') }}

),

log_events as (

    select * from {{ ref('int_log_events_classified') }}
    where {{ in_day_window() }}

),

days as (

    select file_date as event_date from log_files

    union distinct

    select event_date from log_events

),

reasons as (

    select 'none' as invalid_reason
    union all
    select 'fraud_flag' as invalid_reason
    union all
    select 'crawler' as invalid_reason
    union all
    select 'missing_user_agent' as invalid_reason
    union all
    select 'non_browser' as invalid_reason

),

daily as (

    select
        reasons.invalid_reason as invalid_reason,
        cast(coalesce(sum(log_events.impressions), 0) as bigint) as impressions,
        cast(coalesce(sum(log_events.clicks), 0) as bigint) as clicks,
        days.event_date as event_date

    from days

    cross join reasons

    left join log_events
        on
            days.event_date = log_events.event_date
            and reasons.invalid_reason = log_events.invalid_reason

    group by 1, 4

),

totals as (

    select
        *,
        sum(impressions + clicks) over (partition by event_date) as gross_events,
        case when invalid_reason = 'none' then 0 else impressions + clicks end as invalid_events

    from daily

),

final as (

    select
        invalid_reason,
        impressions,
        clicks,
        cast(gross_events as bigint) as gross_events,
        {{ safe_divide('invalid_events', 'gross_events') }} as ivt_rate,
        event_date

    from totals

)

select * from final
