{{ config(materialized='incremental', tags='daily') }}

with

log_side as (

    select * from {{ ref('int_log_events_hourly') }}
    where {{ in_day_window() }}

),

db_side as (

    select * from {{ ref('int_campaign_events_hourly') }}
    where hour_at is not null and {{ in_day_window() }}

),

events as (

    select
        'impressions' as event_type,
        impressions as log_events,
        0 as db_events,
        event_date,
        hour_at

    from log_side

    union all

    select
        'clicks' as event_type,
        clicks as log_events,
        0 as db_events,
        event_date,
        hour_at

    from log_side

    union all

    select
        'impressions' as event_type,
        0 as log_events,
        impressions as db_events,
        event_date,
        hour_at

    from db_side

    union all

    select
        'clicks' as event_type,
        0 as log_events,
        clicks as db_events,
        event_date,
        hour_at

    from db_side

),

hourly as (

    select
        event_type,
        cast(sum(log_events) as bigint) as log_events,
        cast(sum(db_events) as bigint) as db_events,
        event_date,
        hour_at

    from events

    where log_events + db_events > 0

    group by 1, 4, 5

),

final as (

    select
        event_type,
        {{ log_db_status('log_events', 'db_events') }} as status,
        log_events,
        db_events,
        log_events - db_events as difference,
        {{ log_db_discrepancy('log_events', 'db_events') }} as log_db_discrepancy,
        event_date,
        hour_at

    from hourly

)

select * from final
