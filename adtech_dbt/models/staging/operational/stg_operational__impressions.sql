with

source as (

    select * from {{ source('operational', 'impressions') }}

),

renamed as (

    select
        id as impression_id,
        campaign_id,
        cast(created_at as date) as event_date,
        created_at as occurred_at

    from source

)

select * from renamed
