with

valid_impressions as (

    select * from {{ ref('int_log_campaign_measures_identified') }}
    where invalid_reason = 'none' and impressions > 0

),

daily as (

    select
        campaign_id,
        event_date,
        cast(sum(impressions) as bigint) as impressions,
        cast(coalesce(sum(flagged_impressions), 0) as bigint) as flagged_impressions,
        cast(sum(campaign_day_unique_impressions) as bigint) as daily_reach,
        cast(sum(campaign_unique_impressions) as bigint) as new_reach

    from valid_impressions

    group by 1, 2

),

cumulated as (

    select
        campaign_id,
        impressions,
        flagged_impressions,
        daily_reach,
        new_reach,
        cast(sum(flagged_impressions) over campaign_days as bigint) as flagged_impressions_to_date,
        cast(sum(new_reach) over campaign_days as bigint) as reach_to_date,
        event_date

    from daily

    window campaign_days as (
        partition by campaign_id
        order by event_date rows between unbounded preceding and current row
    )

),

final as (

    select
        campaign_id,
        impressions,
        flagged_impressions,
        daily_reach,
        new_reach,
        flagged_impressions_to_date,
        reach_to_date,
        {{ safe_divide('flagged_impressions', 'daily_reach') }} as daily_frequency,
        {{ safe_divide('flagged_impressions_to_date', 'reach_to_date') }} as frequency_to_date,
        event_date

    from cumulated

)

select * from final
