with

attributed_events as (

    select * from {{ ref('int_campaign_events_attributed') }}

),

extracted_days as (

    select * from {{ ref('stg_operational__extracted_days') }}

),

campaign_hours as (

    select * from {{ ref('fct_campaign_hourly') }}

),

campaign_days as (

    select * from {{ ref('fct_campaign_daily') }}

),

advertiser_days as (

    select * from {{ ref('fct_advertiser_daily') }}

),

hour_profiles as (

    select * from {{ ref('fct_campaign_hour_profiles') }}

),

campaign_kpis as (

    select * from {{ ref('mart_campaign_kpis') }}

),

events_on_extracted_days as (

    select attributed_events.*

    from attributed_events

    inner join extracted_days
        on attributed_events.event_date = extracted_days.event_date

),

-- What should be there counts up, what is there counts down: anything but zeros is a difference.
balance as (

    select
        'fct_campaign_hourly' as mart,
        impressions,
        clicks,
        estimated_spend,
        event_date

    from attributed_events

    where event_date is not null

    union all

    select
        'fct_campaign_hourly' as mart,
        -impressions as impressions,
        -clicks as clicks,
        -estimated_spend as estimated_spend,
        event_date

    from campaign_hours

    union all

    select
        'fct_campaign_daily' as mart,
        impressions,
        clicks,
        estimated_spend,
        event_date

    from events_on_extracted_days

    union all

    select
        'fct_campaign_daily' as mart,
        -impressions as impressions,
        -clicks as clicks,
        -estimated_spend as estimated_spend,
        event_date

    from campaign_days

    union all

    select
        'fct_advertiser_daily' as mart,
        impressions,
        clicks,
        estimated_spend,
        event_date

    from events_on_extracted_days

    union all

    select
        'fct_advertiser_daily' as mart,
        -impressions as impressions,
        -clicks as clicks,
        -estimated_spend as estimated_spend,
        event_date

    from advertiser_days

    union all

    select
        'fct_campaign_hour_profiles' as mart,
        impressions,
        clicks,
        0 as estimated_spend,
        null as event_date

    from attributed_events

    where event_date is not null

    union all

    select
        'fct_campaign_hour_profiles' as mart,
        -impressions as impressions,
        -clicks as clicks,
        0 as estimated_spend,
        null as event_date

    from hour_profiles

    union all

    select
        'mart_campaign_kpis' as mart,
        impressions,
        clicks,
        estimated_spend,
        null as event_date

    from attributed_events

    union all

    select
        'mart_campaign_kpis' as mart,
        -impressions as impressions,
        -clicks as clicks,
        -estimated_spend as estimated_spend,
        null as event_date

    from campaign_kpis

)

select
    mart,
    event_date,
    sum(impressions) as missing_impressions,
    sum(clicks) as missing_clicks,
    sum(estimated_spend) as missing_spend

from balance

group by 1, 2

having sum(impressions) != 0 or sum(clicks) != 0 or sum(estimated_spend) != 0
