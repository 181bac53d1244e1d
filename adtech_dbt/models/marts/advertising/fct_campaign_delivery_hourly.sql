with

campaign_days as (

    select * from {{ ref('fct_campaign_daily') }}
    where is_in_flight

),

campaign_hours as (

    select * from {{ ref('fct_campaign_hourly') }}

),

extracted_days as (

    select * from {{ ref('stg_operational__extracted_days') }}

),

hours as (

    select * from {{ ref('int_hours') }}

),

newest as (

    select max(event_date) as last_day from extracted_days

),

-- All hours of the flights of five weeks, those to come included.
flight_hours as (

    select
        campaign_days.campaign_id as campaign_id,
        hours.hour_at,
        hours.event_date as event_date,
        hours.hour_at < {{ dbt.date_trunc('hour', 'extracted_days.extracted_at') }} as is_over,
        newest.last_day

    from campaign_days

    inner join extracted_days
        on campaign_days.event_date = extracted_days.event_date

    inner join hours
        on campaign_days.event_date = hours.event_date

    cross join newest

    where campaign_days.event_date > newest.last_day - interval '35 days'

),

delivered as (

    select
        flight_hours.campaign_id,
        flight_hours.hour_at,
        flight_hours.event_date,
        flight_hours.is_over,
        flight_hours.last_day,
        coalesce(campaign_hours.impressions, 0) as impressions

    from flight_hours

    left join campaign_hours
        on
            flight_hours.campaign_id = campaign_hours.campaign_id
            and flight_hours.hour_at = campaign_hours.hour_at

),

same_hours_before as (

    {%- for weeks in range(1, 5) %}
        select
            campaign_id,
            impressions,
            hour_at + interval '{{ 7 * weeks }} days' as hour_at

        from delivered

        where is_over
        {{ 'union all' if not loop.last }}
    {%- endfor %}

),

-- Counts of chance vary as much as they are large, even if two weeks were alike; and what is
-- expected of few weeks is itself uncertain.
usual as (

    select
        campaign_id,
        hour_at,
        cast(count(*) as bigint) as weeks,
        avg(impressions) as expected,
        greatest(coalesce(var_samp(impressions), 0), avg(impressions), 1)
        * (1 + cast(1 as double) / count(*)) as variance

    from same_hours_before

    group by 1, 2

),

compared as (

    select
        delivered.campaign_id,
        delivered.impressions,
        delivered.is_over,
        delivered.last_day,
        delivered.event_date,
        delivered.hour_at,
        usual.weeks,
        usual.expected,
        usual.variance,
        sum(delivered.impressions) over so_far as cumulative_impressions,
        coalesce(sum(usual.expected) over to_come, 0) as expected_to_come,
        coalesce(sum(usual.variance) over to_come, 0) as variance_to_come,
        count(delivered.hour_at) over to_come = count(usual.weeks) over to_come as is_known_to_come

    from delivered

    left join usual
        on
            delivered.campaign_id = usual.campaign_id
            and delivered.hour_at = usual.hour_at

    window
        so_far as (
            partition by delivered.campaign_id, delivered.event_date
            order by delivered.hour_at rows between unbounded preceding and current row
        ),
        to_come as (
            partition by delivered.campaign_id, delivered.event_date
            order by delivered.hour_at rows between 1 following and unbounded following
        )

),

projected as (

    select
        *,
        2 * sqrt(variance) as margin,
        2 * sqrt(variance_to_come) as projected_margin,
        case when is_known_to_come then cumulative_impressions + expected_to_come end
            as projected_impressions

    from compared

    where is_over and event_date > last_day - interval '7 days'

),

final as (

    select
        campaign_id,
        cast(impressions as bigint) as impressions,
        expected as expected_impressions,
        cast(cumulative_impressions as bigint) as cumulative_impressions,
        projected_impressions,
        event_date,
        hour_at,
        case
            when weeks is null then 'no_history'
            when impressions < expected - margin then 'under'
            when impressions > expected + margin then 'over'
            else 'usual'
        end as delivery_status,
        coalesce(weeks, 0) as weeks,
        case when expected is not null then greatest(expected - margin, 0) end as expected_low,
        expected + margin as expected_high,
        case
            when projected_impressions is not null
                then greatest(
                    projected_impressions - projected_margin, cast(cumulative_impressions as double)
                )
        end as projected_low,
        projected_impressions + projected_margin as projected_high

    from projected

)

select * from final
