-- Logged impressions, as far as they can be believed.
SELECT
    file_date,
    file_hour,
    -- An event's own time counts if it is on the day in the name of its file, or on one beside.
    CASE
        WHEN CAST(event_at AS DATE) BETWEEN file_date - 1 AND file_date + 1 THEN event_at
    END AS occurred_at,
    campaign_id,
    user_agent,
    COALESCE(is_fraud, FALSE) AS is_fraud,
    COALESCE(UPPER(TRIM(currency)), '') AS currency,
    CASE
        WHEN banner_width BETWEEN 1 AND 32767 AND banner_height BETWEEN 1 AND 32767
            THEN banner_width || 'x' || banner_height
        ELSE ''
    END AS banner_size,
    publisher_domain,
    publisher_id,
    site_id,
    deal,
    inventory_source_id,
    slot_position_id,
    device_type_id,
    country_id,
    -- A million or more is no price of one impression that anybody has paid.
    CASE WHEN ABS(media_cost) < 1000000 THEN media_cost END AS media_cost,
    CASE WHEN ABS(total_cost) < 1000000 THEN total_cost END AS total_cost,
    CASE
        WHEN
            ABS(data_cost) < 1000000
            AND UPPER(TRIM(COALESCE(data_currency, currency))) = UPPER(TRIM(currency))
            THEN data_cost
    END AS data_cost,
    CASE WHEN ABS(brand_safety_cost) < 1000000 THEN brand_safety_cost END AS brand_safety_cost,
    CASE WHEN ABS(rich_media_cost) < 1000000 THEN rich_media_cost END AS rich_media_cost,
    CASE WHEN ABS(trading_desk_fee) < 1000000 THEN trading_desk_fee END AS trading_desk_fee,
    CAST(
        CASE
            WHEN eur_rate > 0 AND eur_rate < 1000 THEN eur_rate
            WHEN UPPER(TRIM(currency)) = 'EUR' THEN 1
        END AS DECIMAL(15, 12)
    ) AS eur_rate,
    is_eligible,
    -- MRC: half of the banner for a second, 30 % of one from 242,500 pixels on.
    CASE
        WHEN visible_percentage BETWEEN 0 AND 100 AND visible_ms BETWEEN 0 AND 86400000
            THEN
                visible_ms >= 1000
                AND visible_percentage >= CASE
                    WHEN CAST(banner_width AS DOUBLE) * banner_height >= 242500 THEN 30
                    ELSE 50
                END
    END AS is_viewable_by_mrc,
    is_viewable AS is_viewable_by_feed,
    visible_ms,
    is_campaign_unique,
    is_campaign_day_unique
FROM logged_impressions
