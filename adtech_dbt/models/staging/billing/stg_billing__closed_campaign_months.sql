with

source as (

    select * from {{ source('billing', 'closed_campaign_months') }}

),

renamed as (

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
        billing_month,
        closed_at

    from source

)

select * from renamed
