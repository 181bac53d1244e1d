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
final as (

    select
        log_days.event_date as event_date,
        log_days.campaign_id as campaign_id,
        coalesce(campaigns.campaign_name, 'unknown campaign') as campaign_name,
        coalesce(campaign_days.advertiser_id, {{ unknown_advertiser_id() }}) as advertiser_id,
        coalesce(advertisers.advertiser_name, 'unknown advertiser') as advertiser_name,
        campaign_days.impressions,
        campaign_days.clicks,
        campaign_days.ctr,
        campaign_days.estimated_spend,
        pacing.pacing_status,
        pacing.budget as budget,
        pacing.cumulative_estimated_spend,
        pacing.on_schedule_indicator,
        log_days.gross_impressions,
        log_days.valid_impressions,
        log_days.gross_clicks,
        log_days.valid_clicks,
        log_days.ivt_rate,
        log_days.net_spend,
        log_days.currency,
        log_days.total_cost,
        log_days.total_cost_eur,
        log_days.fee_share,
        log_days.true_ecpm,
        log_days.measurable_impressions,
        log_days.viewable_impressions,
        log_days.viewable_rate,
        log_days.daily_reach,
        log_days.reach_to_date,
        log_days.frequency_to_date,
        log_days.fast_click_share

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

    left join advertisers
        on
            coalesce(campaign_days.advertiser_id, {{ unknown_advertiser_id() }})
            = advertisers.advertiser_id

)

select * from final
