with

campaigns as (

    select * from {{ ref('dim_campaigns') }}

),

extracted_days as (

    select * from {{ ref('stg_operational__extracted_days') }}

),

advertisers as (

    select distinct advertiser_id from {{ ref('snap_operational__advertisers') }}

),

campaign_versions as (

    select * from {{ ref('int_campaign_versions') }}

),

-- Flights are in days of the feed. A UTC day is taken for the one of which it has most: that at its
-- noon.
days as (

    select
        is_full_day,
        event_date,
        cast(
            {{ feed_time("cast(event_date as timestamp) + interval '12 hours'") }} as date
        ) as feed_date,
        cast({{ dbt.dateadd('day', 1, 'event_date') }} as timestamp) as day_ends_at

    from extracted_days

),

campaign_days as (

    select
        campaigns.campaign_id,
        days.is_full_day,
        days.event_date,
        days.feed_date,
        days.day_ends_at

    from campaigns

    cross join days

),

-- Whose the campaign was, and the terms in force, just before the day ends. The unknown campaign
-- has none.
final as (

    select
        campaign_days.campaign_id as campaign_id,
        coalesce(advertisers.advertiser_id, {{ unknown_advertiser_id() }}) as advertiser_id,
        campaign_versions.budget,
        campaign_versions.flight_days,
        campaign_days.is_full_day,
        campaign_versions.start_date,
        campaign_versions.end_date,
        campaign_days.event_date,
        campaign_days.feed_date

    from campaign_days

    left join campaign_versions
        on
            campaign_days.campaign_id = campaign_versions.campaign_id
            and campaign_days.day_ends_at > campaign_versions.valid_from
            and (
                campaign_days.day_ends_at <= campaign_versions.valid_until
                or campaign_versions.valid_until is null
            )

    left join advertisers
        on campaign_versions.advertiser_id = advertisers.advertiser_id

)

select * from final
