with

source as (

    select * from {{ source('raw', 'extracted_days') }}

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
