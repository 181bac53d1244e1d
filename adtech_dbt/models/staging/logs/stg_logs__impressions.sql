with

source as (

    select * from {{ source('logs', 'impression_logs') }}

),

renamed as (

    select
        file_id,
        campaign_id,
        user_agent,
        file_hour,
        cast(coalesce(is_fraud, false) as boolean) as is_fraud,
        file_date,
        event_at as occurred_at

    from source

)

select * from renamed
