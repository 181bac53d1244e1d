with

campaigns as (

    select * from {{ ref('dim_campaigns') }}

),

advertisers as (

    select * from {{ ref('dim_advertisers') }}

),

campaign_totals as (

    select * from {{ ref('int_campaign_totals') }}

),

pacing_days as (

    select * from {{ ref('fct_campaign_pacing_daily') }}

),

anomaly_days as (

    select * from {{ ref('fct_campaign_ctr_anomalies') }}

),

-- On a day that is still going on, a whole day's plan stands against the spend of some hours.
pacing as (

    select
        *,
        coalesce(
            max(case when is_full_day then event_date end) over (), max(event_date) over ()
        ) as last_full_day

    from pacing_days

),

anomalies as (

    select
        campaign_id,
        count(*) as anomalous_days

    from anomaly_days

    where is_anomaly

    group by 1

),

joined as (

    select
        campaigns.campaign_id as campaign_id,
        campaigns.advertiser_id as advertiser_id,
        campaigns.campaign_name,
        advertisers.advertiser_name,
        pacing.pacing_status,
        campaigns.bid,
        campaigns.budget as budget,
        pacing.budget_used_share,
        pacing.on_schedule_indicator,
        pacing.projected_spend,
        pacing.required_daily_spend,
        campaigns.is_current as is_current,
        campaigns.start_date,
        campaigns.end_date,
        campaign_totals.first_event_date,
        campaign_totals.last_event_date,
        coalesce(campaign_totals.impressions, 0) as impressions,
        coalesce(campaign_totals.clicks, 0) as clicks,
        coalesce(campaign_totals.estimated_spend, 0) as estimated_spend,
        coalesce(campaign_totals.active_days, 0) as active_days,
        coalesce(anomalies.anomalous_days, 0) as anomalous_days

    from campaigns

    left join advertisers
        on campaigns.advertiser_id = advertisers.advertiser_id

    left join campaign_totals
        on campaigns.campaign_id = campaign_totals.campaign_id

    left join pacing
        on
            campaigns.campaign_id = pacing.campaign_id
            and pacing.event_date = pacing.last_full_day

    left join anomalies
        on campaigns.campaign_id = anomalies.campaign_id

),

final as (

    select
        campaign_id,
        advertiser_id,
        campaign_name,
        advertiser_name,
        pacing_status,
        impressions,
        clicks,
        {{ ctr('clicks', 'impressions') }} as ctr,
        {{ wilson_low('clicks', 'impressions') }} as ctr_low,
        {{ wilson_high('clicks', 'impressions') }} as ctr_high,
        estimated_spend,
        {{ capped_spend('estimated_spend', 'budget') }} as estimated_spend_capped,
        {{ safe_divide('estimated_spend', 'clicks') }} as cpc,
        {{ safe_divide('1000 * estimated_spend', 'impressions') }} as ecpm,
        bid,
        budget,
        budget_used_share,
        on_schedule_indicator,
        projected_spend,
        required_daily_spend,
        anomalous_days,
        active_days,
        is_current,
        start_date,
        end_date,
        first_event_date,
        last_event_date

    from joined

)

select * from final
