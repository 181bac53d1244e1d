{{ config(materialized='table') }}

with

campaign_events as (

    select * from {{ ref('int_campaign_events_attributed') }}

),

final as (

    select
        campaign_id,
        cast(sum(impressions) as bigint) as impressions,
        cast(sum(clicks) as bigint) as clicks,
        cast(sum(estimated_spend) as decimal(38, 2)) as estimated_spend,
        cast(count(distinct event_date) as bigint) as active_days,
        min(event_date) as first_event_date,
        max(event_date) as last_event_date

    from campaign_events

    group by 1

)

select * from final
