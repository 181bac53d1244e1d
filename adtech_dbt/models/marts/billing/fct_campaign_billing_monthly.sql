with

current_months as (

    select * from {{ ref('int_campaign_billing_months') }}

),

closed_campaign_months as (

    select * from {{ ref('stg_billing__closed_campaign_months') }}

),

campaigns as (

    select * from {{ ref('dim_campaigns') }}

),

advertisers as (

    select * from {{ ref('dim_advertisers') }}

),

closed_months as (

    select distinct billing_month from closed_campaign_months

),

final as (

    select
        current_months.campaign_id as campaign_id,
        current_months.advertiser_id as advertiser_id,
        case
            when current_months.campaign_id = {{ unknown_campaign_id() }} then 'unknown campaign'
            else campaigns.campaign_name
        end as campaign_name,
        case
            when current_months.advertiser_id = {{ unknown_advertiser_id() }}
                then 'unknown advertiser'
            else advertisers.advertiser_name
        end as advertiser_name,
        current_months.currency,
        current_months.days,
        current_months.full_days,
        current_months.gross_impressions,
        current_months.gross_clicks,
        current_months.valid_impressions,
        current_months.valid_clicks,
        current_months.db_impressions,
        current_months.db_clicks,
        current_months.priced_impressions,
        current_months.impressions_discrepancy,
        current_months.clicks_discrepancy,
        current_months.estimated_spend,
        current_months.estimated_spend_capped,
        current_months.net_spend,
        current_months.media_cost,
        current_months.total_cost,
        current_months.total_cost_eur,
        current_months.cost_over_estimate,
        false as is_closed,
        current_months.billing_month as billing_month,
        cast(null as timestamp) as closed_at

    from current_months

    left join closed_months
        on current_months.billing_month = closed_months.billing_month

    left join campaigns
        on current_months.campaign_id = campaigns.campaign_id

    left join advertisers
        on current_months.advertiser_id = advertisers.advertiser_id

    where closed_months.billing_month is null

    union all

    -- As it was closed: nothing that has changed since is looked at.
    select
        campaign_id,
        advertiser_id,
        campaign_name,
        advertiser_name,
        currency,
        days,
        full_days,
        gross_impressions,
        gross_clicks,
        valid_impressions,
        valid_clicks,
        db_impressions,
        db_clicks,
        priced_impressions,
        impressions_discrepancy,
        clicks_discrepancy,
        estimated_spend,
        estimated_spend_capped,
        net_spend,
        media_cost,
        total_cost,
        total_cost_eur,
        cost_over_estimate,
        true as is_closed,
        billing_month,
        closed_at

    from closed_campaign_months

)

select * from final
