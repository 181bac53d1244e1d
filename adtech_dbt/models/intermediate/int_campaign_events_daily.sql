{{ config(materialized='incremental', tags='daily') }}

with

impressions as (

    select * from {{ ref('stg_operational__impressions') }}
    where {{ in_day_window() }}

),

clicks as (

    select * from {{ ref('stg_operational__clicks') }}
    where {{ in_day_window() }}

),

-- One stream of counts, since a full join of both sides treats missing keys differently from
-- engine to engine.
events as (

    select
        campaign_id,
        1 as impressions,
        0 as clicks,
        event_date

    from impressions

    union all

    select
        campaign_id,
        0 as impressions,
        1 as clicks,
        event_date

    from clicks

),

daily_counts as (

    select
        coalesce(campaign_id, {{ unknown_campaign_id() }}) as campaign_id,
        cast(sum(impressions) as bigint) as impressions,
        cast(sum(clicks) as bigint) as clicks,
        event_date

    from events

    group by 1, 4

)

select * from daily_counts
