with

impressions as (

    select * from {{ ref('stg_operational__impressions') }}
    where {{ in_day_window() }}

),

clicks as (

    select * from {{ ref('stg_operational__clicks') }}
    where {{ in_day_window() }}

),

events_of_other_days as (

    select * from {{ ref('int_campaign_events_hourly') }}
    where not {{ in_day_window() }}

),

campaign_ctr as (

    select * from {{ ref('fct_campaign_ctr') }}

),

-- What should be there counts up, what is there counts down: anything but zeros is a difference.
balance as (

    select
        1 as impressions,
        0 as clicks

    from impressions

    union all

    select
        0 as impressions,
        1 as clicks

    from clicks

    union all

    select
        impressions,
        clicks

    from events_of_other_days

    union all

    select
        -impressions as impressions,
        -clicks as clicks

    from campaign_ctr

)

select
    sum(impressions) as missing_impressions,
    sum(clicks) as missing_clicks

from balance

having sum(impressions) != 0 or sum(clicks) != 0
