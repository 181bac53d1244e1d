with

source as (

    select * from {{ source('rollup', 'hourly_clicks') }}

),

renamed as (

    select
        user_agent_id,
        log_campaign_id,
        file_hour,
        clicks,
        timed_clicks,
        clicks_before_impression,
        clicks_under_1s,
        clicks_1_to_10s,
        clicks_10_to_60s,
        clicks_over_60s,
        is_fraud,
        file_date,
        occurred_hour_at

    from source

)

select * from renamed
