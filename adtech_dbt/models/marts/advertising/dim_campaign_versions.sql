with

campaign_versions as (

    select * from {{ ref('int_campaign_versions') }}

),

advertisers as (

    select distinct advertiser_id from {{ ref('snap_operational__advertisers') }}

),

final as (

    select
        campaign_versions.campaign_id,
        coalesce(advertisers.advertiser_id, {{ unknown_advertiser_id() }}) as advertiser_id,
        campaign_versions.campaign_name,
        campaign_versions.bid,
        campaign_versions.budget,
        campaign_versions.flight_days,
        campaign_versions.is_first,
        campaign_versions.is_latest,
        campaign_versions.is_current,
        campaign_versions.start_date,
        campaign_versions.end_date,
        campaign_versions.valid_from,
        campaign_versions.valid_until

    from campaign_versions

    left join advertisers
        on campaign_versions.advertiser_id = advertisers.advertiser_id

)

select * from final
