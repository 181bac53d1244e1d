with

-- Viewable is what a person may have seen: invalid traffic is nobody.
valid_impressions as (

    select * from {{ ref('int_log_campaign_measures_identified') }}
    where invalid_reason = 'none' and impressions > 0

),

daily as (

    select
        campaign_id,
        banner_size,
        event_date,
        cast(sum(impressions) as bigint) as impressions,
        cast(sum(eligible_impressions) as bigint) as eligible_impressions,
        cast(sum(measurable_impressions) as bigint) as measurable_impressions,
        cast(sum(viewable_impressions) as bigint) as viewable_impressions,
        cast(sum(feed_viewable_impressions) as bigint) as feed_viewable_impressions,
        cast(sum(visible_ms) as bigint) as visible_ms,
        case
            when
                min(case when priced_impressions > 0 then currency end)
                = max(case when priced_impressions > 0 then currency end)
                then cast(sum(total_cost) as decimal(38, 12))
        end as total_cost

    from valid_impressions

    group by 1, 2, 3

),

final as (

    select
        campaign_id,
        banner_size,
        impressions,
        eligible_impressions,
        measurable_impressions,
        viewable_impressions,
        feed_viewable_impressions,
        visible_ms,
        {{ safe_divide('measurable_impressions', 'impressions') }} as measurable_rate,
        {{ safe_divide('viewable_impressions', 'measurable_impressions') }} as viewable_rate,
        {{ safe_divide('visible_ms', '(1000 * measurable_impressions)') }} as seconds_in_view,
        total_cost,
        {{ divide_amount('cast(1000 * total_cost as decimal(38, 12))', 'viewable_impressions') }}
            as vcpm,
        event_date

    from daily

)

select * from final
