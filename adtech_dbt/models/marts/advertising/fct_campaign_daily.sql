with

campaign_days as (

    select * from {{ ref('int_campaign_terms_daily') }}

),

campaign_hours as (

    select * from {{ ref('fct_campaign_hourly') }}

),

-- Each hour's once: a year of 500 campaigns has 8,760 hours, but millions of rows.
hours as (

    select distinct hour_at from campaign_hours

),

feed_hours as (

    select
        hour_at,
        cast({{ feed_time('hour_at') }} as date) as feed_date

    from hours

),

-- A flight is in days of the feed. What is outside it may be so for a part of a UTC day only.
placed_hours as (

    select
        campaign_hours.campaign_id as campaign_id,
        campaign_hours.impressions,
        campaign_hours.clicks,
        campaign_hours.estimated_spend,
        campaign_hours.event_date as event_date,
        case
            when
                campaign_days.flight_days is not null
                and (
                    feed_hours.feed_date < campaign_days.start_date
                    or feed_hours.feed_date > campaign_days.end_date
                )
                then campaign_hours.impressions + campaign_hours.clicks
            else 0
        end as outside_flight_events

    from campaign_hours

    inner join feed_hours
        on campaign_hours.hour_at = feed_hours.hour_at

    inner join campaign_days
        on
            campaign_hours.campaign_id = campaign_days.campaign_id
            and campaign_hours.event_date = campaign_days.event_date

),

daily_counts as (

    select
        campaign_id,
        cast(sum(impressions) as bigint) as impressions,
        cast(sum(clicks) as bigint) as clicks,
        cast(sum(estimated_spend) as decimal(38, 2)) as estimated_spend,
        cast(sum(outside_flight_events) as bigint) as outside_flight_events,
        event_date

    from placed_hours

    group by 1, 6

),

dense_counts as (

    select
        campaign_days.campaign_id,
        campaign_days.advertiser_id,
        campaign_days.event_date,
        coalesce(daily_counts.impressions, 0) as impressions,
        coalesce(daily_counts.clicks, 0) as clicks,
        coalesce(daily_counts.estimated_spend, 0) as estimated_spend,
        coalesce(daily_counts.outside_flight_events, 0) as outside_flight_events,
        campaign_days.flight_days is not null
        and (
            campaign_days.feed_date between campaign_days.start_date and campaign_days.end_date
            or coalesce(
                daily_counts.impressions + daily_counts.clicks
                > daily_counts.outside_flight_events,
                false
            )
        ) as is_in_flight

    from campaign_days

    left join daily_counts
        on
            campaign_days.campaign_id = daily_counts.campaign_id
            and campaign_days.event_date = daily_counts.event_date

),

final as (

    select
        campaign_id,
        advertiser_id,
        impressions,
        clicks,
        {{ ctr('clicks', 'impressions') }} as ctr,
        {{ wilson_low('clicks', 'impressions') }} as ctr_low,
        {{ wilson_high('clicks', 'impressions') }} as ctr_high,
        estimated_spend,
        {{ safe_divide('estimated_spend', 'clicks') }} as cpc,
        {{ safe_divide('1000 * estimated_spend', 'impressions') }} as ecpm,
        outside_flight_events,
        is_in_flight,
        event_date

    from dense_counts

)

select * from final
