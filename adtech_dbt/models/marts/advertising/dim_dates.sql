with

extracted_days as (

    select * from {{ ref('stg_operational__extracted_days') }}

),

log_files as (

    select * from {{ ref('stg_logs__log_files') }}
    where status = 'loaded'

),

log_events as (

    select * from {{ ref('int_log_events_hourly') }}

),

-- Events of a file may be on the day before or after it.
known_days as (

    select event_date from extracted_days

    union distinct

    select file_date as event_date from log_files

    union distinct

    select event_date from log_events

),

bounds as (

    select
        min(event_date) as first_day,
        max(event_date) as last_day

    from known_days

),

days as (

    {{ days_between('bounds', 'first_day', 'last_day') }}

),

numbered as (

    select
        date_day,
        {{ iso_weekday('date_day') }} as iso_weekday

    from days

),

named as (

    select
        iso_weekday,
        date_day,
        iso_weekday >= 6 as is_weekend,
        case iso_weekday
            when 1 then 'Monday'
            when 2 then 'Tuesday'
            when 3 then 'Wednesday'
            when 4 then 'Thursday'
            when 5 then 'Friday'
            when 6 then 'Saturday'
            when 7 then 'Sunday'
        end as weekday_name

    from numbered

),

final as (

    select
        weekday_name,
        iso_weekday,
        is_weekend,
        date_day

    from named

)

select * from final
