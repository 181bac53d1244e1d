with

campaign_hours as (

    select * from {{ ref('fct_campaign_hourly') }}

),

-- Each hour's once: a year of 500 campaigns has 8,760 hours, but millions of rows.
hours as (

    select distinct hour_at from campaign_hours

),

local_hours as (

    select
        hour_at,
        {{ feed_time('hour_at') }} as feed_hour_at

    from hours

),

feed_hours as (

    select
        hour_at,
        {{ iso_weekday('cast(feed_hour_at as date)') }} as iso_weekday,
        cast(extract(hour from feed_hour_at) as bigint) as hour_of_day

    from local_hours

),

profiles as (

    select
        campaign_hours.campaign_id,
        feed_hours.iso_weekday,
        feed_hours.hour_of_day,
        cast(sum(campaign_hours.impressions) as bigint) as impressions,
        cast(sum(campaign_hours.clicks) as bigint) as clicks

    from campaign_hours

    inner join feed_hours
        on campaign_hours.hour_at = feed_hours.hour_at

    group by 1, 2, 3

),

final as (

    select
        campaign_id,
        iso_weekday,
        hour_of_day,
        impressions,
        clicks,
        {{ ctr('clicks', 'impressions') }} as ctr,
        {{ safe_divide(
            'impressions', 'sum(impressions) over (partition by campaign_id)'
        ) }} as impression_share

    from profiles

)

select * from final
