with

campaign_events as (

    select * from {{ ref('int_campaign_events_attributed') }}
    where hour_at is not null

),

final as (

    select
        campaign_id,
        cast(sum(impressions) as bigint) as impressions,
        cast(sum(clicks) as bigint) as clicks,
        cast(sum(estimated_spend) as decimal(38, 2)) as estimated_spend,
        event_date,
        hour_at

    from campaign_events

    group by 1, 5, 6

)

select * from final
