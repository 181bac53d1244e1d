with

campaign_hours as (

    select * from {{ ref('fct_campaign_hourly') }}

),

profiles as (

    select
        campaign_id,
        {{ iso_weekday('event_date') }} as iso_weekday,
        cast(extract(hour from hour_at) as bigint) as hour_of_day,
        cast(sum(impressions) as bigint) as impressions,
        cast(sum(clicks) as bigint) as clicks

    from campaign_hours

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
