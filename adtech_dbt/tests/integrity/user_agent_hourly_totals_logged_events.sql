with

impressions as (

    select * from {{ ref('stg_rollup__hourly_impressions') }}
    where {{ in_day_window('file_date', days_around=1) }}

),

clicks as (

    select * from {{ ref('stg_rollup__hourly_clicks') }}
    where {{ in_day_window('file_date', days_around=1) }}

),

user_agent_hours as (

    select * from {{ ref('fct_user_agent_hourly') }}

),

-- What should be there counts up, what is there counts down.
balance as (

    select
        impressions,
        0 as clicks,
        0 as invalid_events,
        {{ event_day('cast(occurred_hour_at as date)', 'file_date', 'file_hour') }} as event_date

    from impressions

    union all

    select
        0 as impressions,
        clicks,
        0 as invalid_events,
        {{ event_day('cast(occurred_hour_at as date)', 'file_date', 'file_hour') }} as event_date

    from clicks

    union all

    select
        -gross_impressions as impressions,
        -gross_clicks as clicks,
        gross_impressions + gross_clicks - valid_impressions - valid_clicks
        - fraud_flag_events - crawler_events - missing_user_agent_events - non_browser_events
            as invalid_events,
        event_date

    from user_agent_hours

)

select
    event_date,
    sum(impressions) as missing_impressions,
    sum(clicks) as missing_clicks,
    sum(invalid_events) as events_without_one_reason

from balance

where {{ in_day_window() }}

group by 1

having sum(impressions) != 0 or sum(clicks) != 0 or sum(abs(invalid_events)) != 0
