with

user_agent_hours as (

    select * from {{ ref('fct_user_agent_hourly') }}

),

traffic_quality as (

    select * from {{ ref('fct_traffic_quality_daily') }}

),

balance as (

    select
        gross_impressions as impressions,
        gross_clicks as clicks,
        valid_impressions + valid_clicks as valid_events,
        event_date

    from user_agent_hours

    union all

    select
        -impressions as impressions,
        -clicks as clicks,
        case when invalid_reason = 'none' then -(impressions + clicks) else 0 end as valid_events,
        event_date

    from traffic_quality

)

select
    event_date,
    sum(impressions) as missing_impressions,
    sum(clicks) as missing_clicks,
    sum(valid_events) as missing_valid_events

from balance

where {{ in_day_window() }}

group by 1

having sum(impressions) != 0 or sum(clicks) != 0 or sum(valid_events) != 0
