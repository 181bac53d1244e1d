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

campaign_versions as (

    select * from {{ ref('int_campaign_versions') }}

),

hourly_impressions as (

    select
        campaign_id,
        count(*) as impressions,
        {{ dbt.date_trunc('hour', 'occurred_at') }} as hour_at

    from impressions

    group by 1, 3

),

-- At the bid in force when it was clicked; undated clicks at the latest. NULL where the campaign is
-- not known (yet).
priced_clicks as (

    select
        clicks.campaign_id,
        case
            when campaign_versions.campaign_id is not null then coalesce(campaign_versions.bid, 0)
        end as price,
        {{ dbt.date_trunc('hour', 'clicks.occurred_at') }} as hour_at

    from clicks

    left join campaign_versions
        on
            clicks.campaign_id = campaign_versions.campaign_id
            and coalesce(clicks.occurred_at, campaign_versions.valid_from)
            >= campaign_versions.valid_from
            and (
                clicks.occurred_at < campaign_versions.valid_until
                or campaign_versions.is_latest
            )

),

hourly_clicks as (

    select
        campaign_id,
        hour_at,
        count(*) as clicks,
        case when count(price) = count(*) then sum(price) end as estimated_spend

    from priced_clicks

    group by 1, 2

),

-- One stream of counts, since a full join of both sides treats missing keys differently from
-- engine to engine.
counts as (

    select
        campaign_id,
        impressions,
        0 as clicks,
        0 as estimated_spend,
        hour_at

    from hourly_impressions

    union all

    select
        campaign_id,
        0 as impressions,
        clicks,
        estimated_spend,
        hour_at

    from hourly_clicks

),

final as (

    select
        coalesce(campaign_id, {{ unknown_campaign_id() }}) as campaign_id,
        cast(sum(impressions) as bigint) as impressions,
        cast(sum(clicks) as bigint) as clicks,
        cast(
            case when count(estimated_spend) = count(*) then sum(estimated_spend) end
            as decimal(38, 2)
        ) as estimated_spend,
        cast(hour_at as date) as event_date,
        hour_at

    from counts

    group by 1, 5, 6

)

select * from final
