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

-- Files come in the order of their hours: what is before the newest is not to come any more, unless
-- it is late.
newest_log_file as (

    select max(cast({{ file_hour_at('file_date', 'file_hour') }} as date)) as hour_on

    from log_files

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
        numbered.iso_weekday,
        numbered.date_day,
        extracted_days.is_full_day as is_full_in_database,
        numbered.iso_weekday >= 6 as is_weekend,
        numbered.date_day < newest_log_file.hour_on as is_full_in_logs,
        case numbered.iso_weekday
            when 1 then 'Monday'
            when 2 then 'Tuesday'
            when 3 then 'Wednesday'
            when 4 then 'Thursday'
            when 5 then 'Friday'
            when 6 then 'Saturday'
            when 7 then 'Sunday'
        end as weekday_name

    from numbered

    left join extracted_days
        on numbered.date_day = extracted_days.event_date

    cross join newest_log_file

),

final as (

    select
        weekday_name,
        iso_weekday,
        is_weekend,
        is_full_in_database,
        is_full_in_logs,
        date_day,
        date_day as event_date

    from named

)

select * from final
