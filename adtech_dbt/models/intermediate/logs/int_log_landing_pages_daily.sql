{{ config(materialized='incremental', tags='daily') }}

with

-- The hour of an event may be on the day before or after its file's.
clicks as (

    select * from {{ ref('stg_logs__clicks') }}
    where {{ in_day_window('file_date', days_around=1) }}

),

counts as (

    select
        campaign_id,
        landing_page,
        file_hour,
        file_date,
        {{ dbt.date_trunc('hour', 'occurred_at') }} as occurred_hour_at,
        count(*) as clicks,
        count(latency_ms) as timed_clicks,
        sum(case when latency_ms < 1000 then 1 else 0 end) as fast_clicks

    from clicks

    group by 1, 2, 3, 4, 5

),

placed as (

    select
        *,
        coalesce(cast(campaign_id as {{ dbt.type_string() }}), '') as log_campaign_id,
        cast(
            {{ event_hour_at('occurred_hour_at', 'file_date', 'file_hour') }} as date
        ) as event_date

    from counts

),

daily as (

    select
        log_campaign_id,
        landing_page,
        event_date,
        cast(sum(clicks) as bigint) as clicks,
        cast(sum(timed_clicks) as bigint) as timed_clicks,
        cast(sum(fast_clicks) as bigint) as fast_clicks

    from placed

    group by 1, 2, 3

),

final as (

    select * from daily
    where {{ in_day_window() }}

)

select * from final
