with

source as (

    select
        *,
        row_number() over () as log_event_number

    from {{ source('logs', 'impression_logs') }}

),

renamed as (

    select
        log_event_number,
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
