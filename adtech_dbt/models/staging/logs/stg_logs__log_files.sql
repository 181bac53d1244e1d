with

source as (

    select * from {{ source('logs', 'log_files') }}

),

renamed as (

    select
        file_id,
        kind as event_type,
        file_name,
        status,
        rows as events,
        file_hour,
        file_date,
        first_seen_at,
        loaded_at

    from source

)

select * from renamed
