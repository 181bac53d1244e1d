with

source as (

    select * from {{ source('operational', 'campaigns') }}

),

renamed as (

    select
        id as campaign_id,
        advertiser_id,
        log_campaign_id,
        name as campaign_name,
        bid,
        budget,
        start_date,
        end_date,
        created_at,
        updated_at,
        extracted_at

    from source

)

select * from renamed
