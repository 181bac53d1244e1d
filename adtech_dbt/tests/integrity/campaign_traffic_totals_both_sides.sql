with

logged_events as (

    select * from {{ ref('int_log_campaign_events_hourly') }}

),

campaign_events as (

    select * from {{ ref('int_campaign_events_attributed') }}
    where event_date is not null

),

traffic as (

    select * from {{ ref('fct_campaign_traffic_daily') }}

),

balance as (

    select
        impressions + clicks as log_events,
        0 as db_events,
        0 as unexplained_events,
        event_date

    from logged_events

    union all

    select
        0 as log_events,
        impressions + clicks as db_events,
        0 as unexplained_events,
        event_date

    from campaign_events

    union all

    select
        -gross_impressions - gross_clicks as log_events,
        -db_impressions - db_clicks as db_events,
        gross_impressions + gross_clicks
        - valid_impressions - valid_clicks
        - fraud_flag_impressions - fraud_flag_clicks
        - crawler_impressions - crawler_clicks
        - missing_user_agent_impressions - missing_user_agent_clicks
        - non_browser_impressions - non_browser_clicks as unexplained_events,
        event_date

    from traffic

)

select
    event_date,
    sum(log_events) as missing_log_events,
    sum(db_events) as missing_db_events,
    sum(unexplained_events) as unexplained_events

from balance

group by 1

having sum(log_events) != 0 or sum(db_events) != 0 or sum(unexplained_events) != 0
