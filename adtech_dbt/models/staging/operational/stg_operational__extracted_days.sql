with

source as (

    select * from {{ source('operational', 'extracted_days') }}

),

renamed as (

    select
        run_id,
        impressions,
        clicks,
        extracted_at >= {{ dbt.dateadd('day', 1, 'event_date') }} as is_full_day,
        event_date,
        extracted_at

    from source

)

select * from renamed
