with

source as (

    select * from {{ source('rollup', 'daily_landing_pages') }}

),

renamed as (

    select
        log_campaign_id,
        landing_page,
        undated_hour,
        clicks,
        timed_clicks,
        fast_clicks,
        file_date,
        occurred_on

    from source

)

select * from renamed
