with

source as (

    select * from {{ source('rollup', 'daily_placements') }}

),

renamed as (

    select
        log_campaign_id,
        {{ lower_case("rtrim(" ~ key_text('publisher_domain', 253) ~ ", '.')") }}
            as publisher_domain,
        {{ known_id('publisher_id') }} as publisher_id,
        {{ known_id('site_id') }} as site_id,
        {{ key_text('deal', 255) }} as deal,
        {{ known_id('inventory_source_id') }} as inventory_source_id,
        {{ known_id('slot_position_id') }} as slot_position_id,
        banner_size,
        {{ known_id('device_type_id') }} as device_type_id,
        {{ known_id('country_id') }} as country_id,
        currency,
        undated_hour,
        impressions,
        clicks,
        invalid_impressions,
        invalid_clicks,
        measurable_impressions,
        viewable_impressions,
        priced_impressions,
        total_cost,
        eur_rate,
        file_date,
        occurred_on

    from source

)

select * from renamed
