with

impressions as (

    select * from {{ ref('stg_operational__impressions') }}

),

clicks as (

    select * from {{ ref('stg_operational__clicks') }}

),

extracted_days as (

    select * from {{ ref('stg_operational__extracted_days') }}

),

daily_summary as (

    select * from {{ ref('fct_daily_summary') }}

),

-- What should be there counts up, what is there counts down: anything but zeros is a difference.
balance as (

    select
        1 as row_count,
        0 as impressions,
        0 as clicks,
        event_date

    from extracted_days

    union all

    select
        0 as row_count,
        1 as impressions,
        0 as clicks,
        impressions.event_date

    from impressions

    inner join extracted_days
        on impressions.event_date = extracted_days.event_date

    union all

    select
        0 as row_count,
        0 as impressions,
        1 as clicks,
        clicks.event_date

    from clicks

    inner join extracted_days
        on clicks.event_date = extracted_days.event_date

    union all

    select
        -1 as row_count,
        -impressions as impressions,
        -clicks as clicks,
        event_date

    from daily_summary

)

select
    event_date,
    sum(row_count) as missing_rows,
    sum(impressions) as missing_impressions,
    sum(clicks) as missing_clicks

from balance

where {{ in_day_window() }}

group by 1

having sum(row_count) != 0 or sum(impressions) != 0 or sum(clicks) != 0
