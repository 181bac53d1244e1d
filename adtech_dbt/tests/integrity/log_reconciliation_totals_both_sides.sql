with

logged_events as (

    select * from {{ ref('int_log_events_hourly') }}

),

campaign_events as (

    select * from {{ ref('int_campaign_events_hourly') }}
    where event_date is not null

),

reconciliation as (

    select * from {{ ref('fct_log_reconciliation_daily') }}

),

balance as (

    select
        impressions + clicks as log_events,
        0 as db_events,
        event_date

    from logged_events

    union all

    select
        0 as log_events,
        impressions + clicks as db_events,
        event_date

    from campaign_events

    union all

    select
        -log_events as log_events,
        -db_events as db_events,
        event_date

    from reconciliation

)

select
    event_date,
    sum(log_events) as missing_log_events,
    sum(db_events) as missing_db_events

from balance

where {{ in_day_window() }}

group by 1

having sum(log_events) != 0 or sum(db_events) != 0
