with

source as (

    select * from {{ source('operational', 'clicks') }}

),

renamed as (

    select
        id as click_id,
        campaign_id,
        cast(created_at as date) as event_date,
        created_at as occurred_at

    from source

)

select * from renamed
