with

campaigns as (

    select * from {{ ref('stg_operational__campaigns') }}

),

campaign_events as (

    select * from {{ ref('int_campaign_events_daily') }}

),

campaign_counts as (

    select
        coalesce(campaigns.campaign_id, {{ unknown_campaign_id() }}) as campaign_id,
        cast(sum(campaign_events.impressions) as bigint) as impressions,
        cast(sum(campaign_events.clicks) as bigint) as clicks

    from campaign_events

    left join campaigns
        on campaign_events.campaign_id = campaigns.campaign_id

    group by 1

),

campaign_members as (

    select
        campaign_id,
        campaign_name

    from campaigns

    union all

    select
        campaign_id,
        'unknown campaign' as campaign_name

    from campaign_counts

    where campaign_id = {{ unknown_campaign_id() }}

),

final as (

    select
        campaign_members.campaign_id,
        campaign_members.campaign_name,
        coalesce(campaign_counts.impressions, 0) as impressions,
        coalesce(campaign_counts.clicks, 0) as clicks,
        {{ ctr('campaign_counts.clicks', 'campaign_counts.impressions') }} as ctr

    from campaign_members

    left join campaign_counts
        on campaign_members.campaign_id = campaign_counts.campaign_id

)

select * from final
