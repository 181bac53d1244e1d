with

campaign_traffic as (

    select * from {{ ref('fct_campaign_traffic_daily') }}

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

final as (

    select
        campaign_traffic.campaign_id as campaign_id,
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
        campaign_traffic.event_date as event_date

    from campaign_traffic

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

)

select * from final
