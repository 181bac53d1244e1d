with

campaign_days as (

    select * from {{ ref('int_campaign_terms_daily') }}

),

campaign_hours as (

    select * from {{ ref('fct_campaign_hourly') }}

),

daily_counts as (

    select
        campaign_id,
        cast(sum(impressions) as bigint) as impressions,
        cast(sum(clicks) as bigint) as clicks,
        cast(sum(estimated_spend) as decimal(38, 2)) as estimated_spend,
        event_date

    from campaign_hours

    group by 1, 5

),

dense_counts as (

    select
        campaign_days.campaign_id,
        campaign_days.advertiser_id,
        campaign_days.event_date,
        coalesce(daily_counts.impressions, 0) as impressions,
        coalesce(daily_counts.clicks, 0) as clicks,
        coalesce(daily_counts.estimated_spend, 0) as estimated_spend,
        coalesce(
            campaign_days.event_date between campaign_days.start_date and campaign_days.end_date,
            false
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
        is_in_flight,
        event_date

    from dense_counts

)

select * from final
