with

impressions as (

    select * from {{ ref('stg_logs__impressions') }}
    where {{ in_day_window('file_date') }}

),

clicks as (

    select * from {{ ref('stg_logs__clicks') }}
    where {{ in_day_window('file_date') }}

),

placed as (

    select * from {{ ref('int_log_events_placed') }}
    where {{ in_day_window('file_date') }}

),

balance as (

    select
        1 as impressions,
        0 as clicks,
        file_date

    from impressions

    union all

    select
        0 as impressions,
        1 as clicks,
        file_date

    from clicks

    union all

    select
        -impressions as impressions,
        -clicks as clicks,
        file_date

    from placed

)

select
    file_date,
    sum(impressions) as missing_impressions,
    sum(clicks) as missing_clicks

from balance

group by 1

having sum(impressions) != 0 or sum(clicks) != 0
