with

-- Every day that some source knows of, one row each; log files join here.
known_days as (

    select event_date from {{ ref('stg_operational__extracted_days') }}

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
