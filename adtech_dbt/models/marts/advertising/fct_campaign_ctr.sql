with

campaigns as (

    select * from {{ ref('dim_campaigns') }}

),

campaign_totals as (

    select * from {{ ref('int_campaign_totals') }}

),

dense_counts as (

    select
        campaigns.campaign_id,
        campaigns.campaign_name,
        coalesce(campaign_totals.impressions, 0) as impressions,
        coalesce(campaign_totals.clicks, 0) as clicks

    from campaigns

    left join campaign_totals
        on campaigns.campaign_id = campaign_totals.campaign_id

),

final as (

    select
        campaign_id,
        campaign_name,
        impressions,
        clicks,
        {{ ctr('clicks', 'impressions') }} as ctr,
        {{ wilson_low('clicks', 'impressions') }} as ctr_low,
        {{ wilson_high('clicks', 'impressions') }} as ctr_high

    from dense_counts

)

select * from final
