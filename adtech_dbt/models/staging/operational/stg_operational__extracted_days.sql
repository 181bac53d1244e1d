with

source as (

    select * from {{ source('operational', 'extracted_days') }}

),

renamed as (

    select
        run_id,
        impressions,
        clicks,
        event_date,
        extracted_at

    from source

)

select * from renamed
