with

campaign_events as (

    select * from {{ ref('int_campaign_events_hourly') }}

),

first_versions as (

    select * from {{ ref('int_campaign_versions') }}
    where is_first

),

-- Events without a price were counted before we knew their campaign, so they are all older than its
-- first version, which is the one in force for what is older.
final as (

    select
        campaign_events.campaign_id as recorded_campaign_id,
        coalesce(first_versions.campaign_id, {{ unknown_campaign_id() }}) as campaign_id,
        campaign_events.impressions,
        campaign_events.clicks,
        cast(
            coalesce(
                campaign_events.estimated_spend,
                campaign_events.clicks * coalesce(first_versions.bid, 0)
            ) as decimal(38, 2)
        ) as estimated_spend,
        campaign_events.event_date,
        campaign_events.hour_at

    from campaign_events

    left join first_versions
        on campaign_events.campaign_id = first_versions.campaign_id

)

select * from final
