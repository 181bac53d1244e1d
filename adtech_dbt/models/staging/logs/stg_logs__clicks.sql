with

source as (

    select * from {{ source('logs', 'click_logs') }}

),

renamed as (

    select
        file_id,
        campaign_id,
        user_agent,
        {{ banner_size('banner_width', 'banner_height') }} as banner_size,
        publisher_domain,
        {{ positive('publisher_id') }} as publisher_id,
        {{ positive('site_id') }} as site_id,
        deal,
        {{ positive('inventory_source_id') }} as inventory_source_id,
        {{ positive('slot_position_id') }} as slot_position_id,
        {{ positive('device_type_id') }} as device_type_id,
        {{ positive('country_id') }} as country_id,
        file_hour,
        {{ milliseconds_between('shown_at', 'event_at') }} as latency_ms,
        cast(coalesce(is_fraud, false) as boolean) as is_fraud,
        file_date,
        event_at as occurred_at,
        {{ key_text(
            "rtrim(regexp_replace(regexp_replace(landing_url, '^[A-Za-z]+://', ''), "
            ~ "'(?s)[?#].*$', ''), '/')", 500
        ) }} as landing_page

    from source

)

select * from renamed
