with

campaign_versions as (

    select * from {{ ref('int_campaign_versions') }}
    where is_latest

),

advertisers as (

    select distinct advertiser_id from {{ ref('snap_operational__advertisers') }}

),

campaign_totals as (

    select * from {{ ref('int_campaign_totals') }}

),

final as (

    select
        campaign_versions.campaign_id,
        coalesce(advertisers.advertiser_id, {{ unknown_advertiser_id() }}) as advertiser_id,
        campaign_versions.campaign_name,
        campaign_versions.bid,
        campaign_versions.budget,
        campaign_versions.flight_days,
        campaign_versions.is_current,
        campaign_versions.start_date,
        campaign_versions.end_date,
        campaign_versions.created_at

    from campaign_versions

    left join advertisers
        on campaign_versions.advertiser_id = advertisers.advertiser_id

    union all

    select
        campaign_id,
        {{ unknown_advertiser_id() }} as advertiser_id,
        'unknown campaign' as campaign_name,
        cast(null as decimal(10, 2)) as bid,
        cast(null as decimal(10, 2)) as budget,
        cast(null as bigint) as flight_days,
        false as is_current,
        cast(null as date) as start_date,
        cast(null as date) as end_date,
        cast(null as timestamp) as created_at

    from campaign_totals

    where campaign_id = {{ unknown_campaign_id() }}

)

select * from final
