with

paced_days as (

    select * from {{ ref('fct_campaign_pacing_daily') }}

),

traffic as (

    select * from {{ ref('fct_campaign_traffic_daily') }}

),

costs as (

    select * from {{ ref('fct_campaign_cost_daily') }}

),

dates as (

    select * from {{ ref('dim_dates') }}

),

campaign_days as (

    select
        campaign_id,
        event_date

    from traffic

    union distinct

    select
        campaign_id,
        event_date

    from costs

),

-- What a day added to the capped sum, or took away where the budget was cut.
capped_days as (

    select
        campaign_id,
        event_date,
        estimated_spend_capped - coalesce(
            lag(estimated_spend_capped) over (
                partition by campaign_id
                order by event_date
            ),
            0
        ) as estimated_spend_capped

    from paced_days

),

final as (

    select
        campaign_days.campaign_id as campaign_id,
        costs.currency,
        costs.media_cost,
        costs.total_cost,
        costs.total_cost_eur,
        campaign_days.event_date as event_date,
        coalesce(traffic.gross_impressions, 0) as gross_impressions,
        coalesce(traffic.gross_clicks, 0) as gross_clicks,
        coalesce(traffic.valid_impressions, 0) as valid_impressions,
        coalesce(traffic.valid_clicks, 0) as valid_clicks,
        coalesce(traffic.db_impressions, 0) as db_impressions,
        coalesce(traffic.db_clicks, 0) as db_clicks,
        coalesce(costs.priced_impressions, 0) as priced_impressions,
        coalesce(costs.estimated_spend, 0) as estimated_spend,
        coalesce(capped_days.estimated_spend_capped, 0) as estimated_spend_capped,
        coalesce(traffic.net_spend, 0) as net_spend,
        coalesce(dates.is_full_in_database and dates.is_full_in_logs, false) as is_full_day

    from campaign_days

    left join traffic
        on
            campaign_days.campaign_id = traffic.campaign_id
            and campaign_days.event_date = traffic.event_date

    left join costs
        on
            campaign_days.campaign_id = costs.campaign_id
            and campaign_days.event_date = costs.event_date

    left join capped_days
        on
            campaign_days.campaign_id = capped_days.campaign_id
            and campaign_days.event_date = capped_days.event_date

    left join dates
        on campaign_days.event_date = dates.date_day

)

select * from final
