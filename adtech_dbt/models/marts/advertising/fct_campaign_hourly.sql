with

campaign_events as (

    select * from {{ ref('int_campaign_events_attributed') }}
    where hour_at is not null

),

-- Only the unknown campaign is made of several: grouping all hours of a year of 500 campaigns took
-- 1.5 s of processor time, this 0.2 s.
unknown_campaign_events as (

    select
        campaign_id,
        cast(sum(impressions) as bigint) as impressions,
        cast(sum(clicks) as bigint) as clicks,
        cast(sum(estimated_spend) as decimal(38, 2)) as estimated_spend,
        event_date,
        hour_at

    from campaign_events

    where campaign_id = {{ unknown_campaign_id() }}

    group by 1, 5, 6

),

final as (

    select
        campaign_id,
        impressions,
        clicks,
        estimated_spend,
        event_date,
        hour_at

    from campaign_events

    where campaign_id != {{ unknown_campaign_id() }}

    union all

    select
        campaign_id,
        impressions,
        clicks,
        estimated_spend,
        event_date,
        hour_at

    from unknown_campaign_events

)

select * from final
