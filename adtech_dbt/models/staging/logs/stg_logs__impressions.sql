with

source as (

    select * from {{ source('logs', 'impression_logs') }}

),

renamed as (

    select
        file_id,
        campaign_id,
        user_agent,
        coalesce(upper(trim(currency)), '') as currency,
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
        {{ believable_amount('media_cost') }} as media_cost,
        {{ believable_amount('total_cost') }} as total_cost,
        case
            when upper(trim(coalesce(data_currency, currency))) = upper(trim(currency))
                then {{ believable_amount('data_cost') }}
        end as data_cost,
        {{ believable_amount('brand_safety_cost') }} as brand_safety_cost,
        {{ believable_amount('rich_media_cost') }} as rich_media_cost,
        {{ believable_amount('trading_desk_fee') }} as trading_desk_fee,
        cast(
            case
                when eur_rate > 0 and eur_rate < 1000 then eur_rate
                when upper(trim(currency)) = 'EUR' then 1
            end as decimal(15, 12)
        ) as eur_rate,
        case when visible_percentage between 0 and 100 then visible_percentage end
            as visible_percentage,
        case when visible_ms between 0 and 86400000 then visible_ms end as visible_ms,
        cast(coalesce(is_fraud, false) as boolean) as is_fraud,
        is_eligible,
        case
            when visible_percentage between 0 and 100 and visible_ms between 0 and 86400000
                then
                    visible_percentage >= case
                        when cast(banner_width as double) * banner_height >= 242500 then 30
                        else 50
                    end and visible_ms >= 1000
        end as is_viewable_by_mrc,
        is_viewable as is_viewable_by_feed,
        is_campaign_unique,
        is_campaign_day_unique,
        file_date,
        event_at as occurred_at

    from source

)

select * from renamed
