with

campaign_days as (

    select * from {{ ref('fct_campaign_daily') }}

),

terms as (

    select * from {{ ref('int_campaign_terms_daily') }}

),

cumulatives as (

    select
        campaign_id,
        cast(sum(impressions) over campaign_until_day as bigint) as cumulative_impressions,
        cast(sum(clicks) over campaign_until_day as bigint) as cumulative_clicks,
        cast(
            sum(estimated_spend) over campaign_until_day as decimal(38, 2)
        ) as cumulative_estimated_spend,
        outside_flight_events,
        is_in_flight,
        event_date

    from campaign_days

    window campaign_until_day as (
        partition by campaign_id
        order by event_date
        rows between unbounded preceding and current row
    )

),

elapsed as (

    select
        cumulatives.campaign_id,
        cumulatives.cumulative_impressions,
        cumulatives.cumulative_clicks,
        cumulatives.cumulative_estimated_spend,
        cumulatives.outside_flight_events,
        cumulatives.is_in_flight,
        terms.budget,
        terms.flight_days,
        terms.is_full_day,
        cumulatives.event_date,
        -- Whole days of the flight that are over when the day is: 0 before it, all of them after.
        case
            when terms.flight_days is null then null
            when terms.feed_date < terms.start_date then 0
            when terms.feed_date > terms.end_date then terms.flight_days
            else {{ inclusive_days('terms.start_date', 'terms.feed_date') }}
        end as elapsed_days,
        -- Of a budget of 0 or less nothing can be used.
        case when terms.budget > 0 then terms.budget end as usable_budget

    from cumulatives

    inner join terms
        on
            cumulatives.campaign_id = terms.campaign_id
            and cumulatives.event_date = terms.event_date

),

paced as (

    select
        campaign_id,
        cumulative_impressions,
        cumulative_clicks,
        cumulative_estimated_spend,
        {{ capped_spend('cumulative_estimated_spend', 'budget') }} as estimated_spend_capped,
        outside_flight_events,
        is_in_flight,
        budget,
        usable_budget,
        flight_days,
        cast(elapsed_days as bigint) as elapsed_days,
        {{ safe_divide(
            'cumulative_estimated_spend * flight_days',
            'usable_budget * elapsed_days'
        ) }} as on_schedule_indicator,
        case
            when flight_days is not null
                then {{ safe_divide('cumulative_estimated_spend', 'usable_budget') }}
        end as budget_used_share,
        case
            when usable_budget is not null
                then {{ divide_money('cumulative_estimated_spend * flight_days', 'elapsed_days') }}
        end as projected_spend,
        case
            when cumulative_estimated_spend >= usable_budget and elapsed_days < flight_days then 0
            else {{ divide_money(
                '(usable_budget - cumulative_estimated_spend)',
                '(flight_days - elapsed_days)'
            ) }}
        end as required_daily_spend,
        is_full_day,
        event_date

    from elapsed

),

rated as (

    select
        *,
        case
            when outside_flight_events > 0 then 'outside_flight'
            when elapsed_days = 0 and not is_in_flight then 'not_started'
            when usable_budget is null then 'no_budget'
            when flight_days is null then 'no_flight'
            when cumulative_estimated_spend > budget then 'over_budget'
            when on_schedule_indicator < 0.9 then 'behind'
            when on_schedule_indicator > 1.1 then 'ahead'
            else 'on_track'
        end as pacing_status

    from paced

),

final as (

    select
        campaign_id,
        pacing_status,
        cumulative_impressions,
        cumulative_clicks,
        cumulative_estimated_spend,
        estimated_spend_capped,
        budget,
        flight_days,
        elapsed_days,
        on_schedule_indicator,
        budget_used_share,
        projected_spend,
        required_daily_spend,
        is_full_day,
        event_date

    from rated

)

select * from final
