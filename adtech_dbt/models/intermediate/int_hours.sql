with

dates as (

    select * from {{ ref('dim_dates') }}

),

hours_of_day as (

    {%- for hour in range(24) %}
        select {{ hour }} as hour_of_day
        {{ 'union all' if not loop.last }}
    {%- endfor %}

),

final as (

    select
        dates.event_date,
        {{ dbt.dateadd('hour', 'hours_of_day.hour_of_day', 'cast(dates.event_date as timestamp)') }}
            as hour_at

    from dates

    cross join hours_of_day

)

select * from final
