with

campaign_traffic as (

    select * from {{ ref('fct_campaign_traffic_daily') }}

),

campaign_days as (

    select * from {{ ref('fct_campaign_daily') }}

),

pacing as (

    select * from {{ ref('fct_campaign_pacing_daily') }}

),

cost as (

    select * from {{ ref('fct_campaign_cost_daily') }}

),

reach as (

    select * from {{ ref('fct_campaign_reach_daily') }}

),

clicks as (

    select * from {{ ref('fct_campaign_click_quality_daily') }}

),

views as (

    select
        campaign_id,
        event_date,
        cast(sum(measurable_impressions) as bigint) as measurable_impressions,
        cast(sum(viewable_impressions) as bigint) as viewable_impressions,
        {{ safe_divide('sum(viewable_impressions)', 'sum(measurable_impressions)') }}
            as viewable_rate

    from {{ ref('fct_campaign_viewability_daily') }}

    group by 1, 2

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
        campaign_traffic.event_date,
        campaign_traffic.campaign_id,
        campaign_days.impressions,
        campaign_days.clicks,
        campaign_days.ctr,
        campaign_days.estimated_spend,
        pacing.pacing_status,
        pacing.budget,
        pacing.cumulative_estimated_spend,
        pacing.on_schedule_indicator,
        campaign_traffic.gross_impressions,
        campaign_traffic.valid_impressions,
        campaign_traffic.gross_clicks,
        campaign_traffic.valid_clicks,
        campaign_traffic.ivt_rate,
        campaign_traffic.net_spend,
        cost.currency,
        cost.total_cost,
        cost.total_cost_eur,
        cost.fee_share,
        cost.true_ecpm,
        views.measurable_impressions,
        views.viewable_impressions,
        views.viewable_rate,
        reach.daily_reach,
        reach.reach_to_date,
        reach.frequency_to_date,
        clicks.fast_click_share,
        coalesce(campaigns.campaign_name, 'unknown campaign') as campaign_name,
        coalesce(campaign_days.advertiser_id, {{ unknown_advertiser_id() }}) as advertiser_id

    from campaign_traffic

    left join campaign_days
        on
            campaign_traffic.campaign_id = campaign_days.campaign_id
            and campaign_traffic.event_date = campaign_days.event_date

    left join pacing
        on
            campaign_traffic.campaign_id = pacing.campaign_id
            and campaign_traffic.event_date = pacing.event_date

    left join cost
        on
            campaign_traffic.campaign_id = cost.campaign_id
            and campaign_traffic.event_date = cost.event_date

    left join views
        on
            campaign_traffic.campaign_id = views.campaign_id
            and campaign_traffic.event_date = views.event_date

    left join reach
        on
            campaign_traffic.campaign_id = reach.campaign_id
            and campaign_traffic.event_date = reach.event_date

    left join clicks
        on
            campaign_traffic.campaign_id = clicks.campaign_id
            and campaign_traffic.event_date = clicks.event_date

    left join campaigns
        on campaign_traffic.campaign_id = campaigns.campaign_id

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
