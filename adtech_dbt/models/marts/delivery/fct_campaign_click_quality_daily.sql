with

logged_clicks as (

    select * from {{ ref('int_log_campaign_measures_identified') }}
    where clicks > 0

),

daily as (

    select
        campaign_id,
        event_date,
        cast(sum(clicks) as bigint) as clicks,
        cast(coalesce(sum(timed_clicks), 0) as bigint) as timed_clicks,
        cast(sum(clicks_before_impression) as bigint) as clicks_before_impression,
        cast(sum(clicks_under_1s) as bigint) as clicks_under_1s,
        cast(sum(clicks_1_to_10s) as bigint) as clicks_1_to_10s,
        cast(sum(clicks_10_to_60s) as bigint) as clicks_10_to_60s,
        cast(sum(clicks_over_60s) as bigint) as clicks_over_60s

    from logged_clicks

    group by 1, 2

),

final as (

    select
        campaign_id,
        clicks,
        timed_clicks,
        clicks_before_impression,
        clicks_under_1s,
        clicks_1_to_10s,
        clicks_10_to_60s,
        clicks_over_60s,
        {{ safe_divide('(clicks_before_impression + clicks_under_1s)', 'timed_clicks') }}
            as fast_click_share,
        event_date

    from daily

)

select * from final
