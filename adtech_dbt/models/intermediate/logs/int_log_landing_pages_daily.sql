{{ config(materialized='incremental', tags='daily') }}

with

-- The day of an event may be the one before or after its file's.
landing_pages as (

    select * from {{ ref('stg_rollup__daily_landing_pages') }}
    where {{ in_day_window('file_date', days_around=1) }}

),

dated as (

    select
        *,
        {{ event_day('occurred_on', 'file_date', 'undated_hour') }} as event_date

    from landing_pages

),

final as (

    select
        log_campaign_id,
        landing_page,
        event_date,
        cast(sum(clicks) as bigint) as clicks,
        cast(sum(timed_clicks) as bigint) as timed_clicks,
        cast(sum(fast_clicks) as bigint) as fast_clicks

    from dated

    where {{ in_day_window() }}

    group by 1, 2, 3

)

select * from final
