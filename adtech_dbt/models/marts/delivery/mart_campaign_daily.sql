with

log_days as (

    select * from {{ ref('int_log_campaign_days') }}

),

campaign_days as (

    select * from {{ ref('fct_campaign_daily') }}

),

pacing as (

    select * from {{ ref('fct_campaign_pacing_daily') }}

),

campaigns as (

    select * from {{ ref('dim_campaigns') }}

),

advertisers as (

    select * from {{ ref('dim_advertisers') }}

),

-- Every campaign on every extracted day, and whatever the log has beside.
joined as (

    select
        log_days.*,
        campaign_days.impressions,
        campaign_days.clicks,
        campaign_days.ctr,
        campaign_days.estimated_spend,
        pacing.pacing_status,
        pacing.budget,
        pacing.cumulative_estimated_spend,
        pacing.on_schedule_indicator,
        coalesce(campaigns.campaign_name, 'unknown campaign') as campaign_name,
        coalesce(campaign_days.advertiser_id, {{ unknown_advertiser_id() }}) as advertiser_id

    from log_days

    left join campaign_days
        on
            log_days.campaign_id = campaign_days.campaign_id
            and log_days.event_date = campaign_days.event_date

    left join pacing
        on
            log_days.campaign_id = pacing.campaign_id
            and log_days.event_date = pacing.event_date

    left join campaigns
        on log_days.campaign_id = campaigns.campaign_id

),

named as (

    select
        joined.*,
        coalesce(advertisers.advertiser_name, 'unknown advertiser') as advertiser_name

    from joined

    left join advertisers
        on joined.advertiser_id = advertisers.advertiser_id

),

final as (

    select
        event_date,
        campaign_id,
        campaign_name,
        advertiser_id,
        advertiser_name,
        impressions,
        clicks,
        ctr,
        estimated_spend,
        pacing_status,
        budget,
        cumulative_estimated_spend,
        on_schedule_indicator,
        gross_impressions,
        valid_impressions,
        gross_clicks,
        valid_clicks,
        ivt_rate,
        net_spend,
        currency,
        total_cost,
        total_cost_eur,
        fee_share,
        true_ecpm,
        measurable_impressions,
        viewable_impressions,
        viewable_rate,
        daily_reach,
        reach_to_date,
        frequency_to_date,
        fast_click_share

    from named

)

select * from final
