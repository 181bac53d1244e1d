with

source as (

    select * from {{ source('operational', 'advertisers') }}

),

renamed as (

    select
        id as advertiser_id,
        name as advertiser_name,
        created_at,
        updated_at,
        extracted_at

    from source

)

select * from renamed
