with

advertisers as (

    select * from {{ ref('dim_advertisers') }}

),

extracted_days as (

    select * from {{ ref('stg_operational__extracted_days') }}

),

campaign_days as (

    select * from {{ ref('fct_campaign_daily') }}

),

-- Every advertiser on every day, and on top the counts of the campaigns that were its own that day.
daily_parts as (

    select
        advertisers.advertiser_id,
        0 as impressions,
        0 as clicks,
        0 as estimated_spend,
        0 as active_campaigns,
        extracted_days.event_date

    from advertisers

    cross join extracted_days

    union all

    select
        advertiser_id,
        impressions,
        clicks,
        estimated_spend,
        case when impressions > 0 or clicks > 0 then 1 else 0 end as active_campaigns,
        event_date

    from campaign_days

),

daily_counts as (

    select
        advertiser_id,
        cast(sum(impressions) as bigint) as impressions,
        cast(sum(clicks) as bigint) as clicks,
        cast(sum(estimated_spend) as decimal(38, 2)) as estimated_spend,
        cast(sum(active_campaigns) as bigint) as active_campaigns,
        event_date

    from daily_parts

    group by 1, 6

),

final as (

    select
        advertiser_id,
        impressions,
        clicks,
        {{ ctr('clicks', 'impressions') }} as ctr,
        estimated_spend,
        active_campaigns,
        event_date

    from daily_counts

)

select * from final
