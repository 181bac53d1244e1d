with

source as (

    select * from {{ source('rollup', 'hourly_impressions') }}

),

renamed as (

    select
        user_agent_id,
        log_campaign_id,
        currency,
        banner_size,
        file_hour,
        impressions,
        priced_impressions,
        eligible_impressions,
        measurable_impressions,
        viewable_impressions,
        feed_viewable_impressions,
        visible_ms,
        flagged_impressions,
        campaign_unique_impressions,
        campaign_day_unique_impressions,
        media_cost,
        total_cost,
        data_cost,
        brand_safety_cost,
        rich_media_cost,
        trading_desk_fee,
        eur_rate,
        is_fraud,
        file_date,
        occurred_hour_at

    from source

)

select * from renamed
