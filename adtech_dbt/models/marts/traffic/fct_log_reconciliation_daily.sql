{{ config(materialized='incremental', tags='daily') }}

with

hourly as (

    select * from {{ ref('fct_log_reconciliation_hourly') }}
    where {{ in_day_window() }}

),

log_files as (

    select * from {{ ref('stg_logs__log_files') }}
    where status = 'loaded' and {{ in_day_window('file_date') }}

),

extracted_days as (

    select * from {{ ref('stg_operational__extracted_days') }}
    where {{ in_day_window() }}

),

days as (

    select file_date as event_date from log_files

    union distinct

    select event_date from extracted_days

    union distinct

    select event_date from hourly

),

event_types as (

    select 'impressions' as event_type
    union all
    select 'clicks' as event_type

),

daily as (

    select
        event_types.event_type as event_type,
        cast(coalesce(sum(hourly.log_events), 0) as bigint) as log_events,
        cast(coalesce(sum(hourly.db_events), 0) as bigint) as db_events,
        days.event_date as event_date

    from days

    cross join event_types

    left join hourly
        on
            days.event_date = hourly.event_date
            and event_types.event_type = hourly.event_type

    group by 1, 4

),

final as (

    select
        event_type,
        {{ log_db_status('log_events', 'db_events') }} as status,
        log_events,
        db_events,
        log_events - db_events as difference,
        {{ log_db_discrepancy('log_events', 'db_events') }} as log_db_discrepancy,
        event_date

    from daily

)

select * from final
