-- What is known of no event is NULL, not 0. By the rate too, so that an amount is changed into euros
-- once. Texts are made of what has been counted, of which there is far less.
SELECT
    file_date,
    file_hour,
    occurred_hour_at,
    COALESCE(CAST(campaign_id AS STRING), '') AS log_campaign_id,
    COALESCE(MD5(user_agent), REPEAT('0', 32)) AS user_agent_id,
    is_fraud,
    currency,
    banner_size,
    eur_rate,
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
    trading_desk_fee
FROM (
    SELECT
        file_date,
        file_hour,
        DATE_TRUNC('hour', occurred_at) AS occurred_hour_at,
        campaign_id,
        user_agent,
        is_fraud,
        currency,
        banner_size,
        eur_rate,
        COUNT(*) AS impressions,
        NULLIF(COUNT(total_cost), 0) AS priced_impressions,
        SUM(CASE WHEN is_eligible THEN 1 WHEN NOT is_eligible THEN 0 END) AS eligible_impressions,
        NULLIF(COUNT(is_viewable_by_mrc), 0) AS measurable_impressions,
        SUM(CASE WHEN is_viewable_by_mrc THEN 1 WHEN NOT is_viewable_by_mrc THEN 0 END)
            AS viewable_impressions,
        SUM(CASE WHEN is_viewable_by_feed THEN 1 WHEN NOT is_viewable_by_feed THEN 0 END)
            AS feed_viewable_impressions,
        SUM(CASE WHEN is_viewable_by_mrc IS NOT NULL THEN visible_ms END) AS visible_ms,
        NULLIF(COUNT(is_campaign_unique), 0) AS flagged_impressions,
        SUM(CASE WHEN is_campaign_unique THEN 1 WHEN NOT is_campaign_unique THEN 0 END)
            AS campaign_unique_impressions,
        SUM(CASE WHEN is_campaign_day_unique THEN 1 WHEN NOT is_campaign_day_unique THEN 0 END)
            AS campaign_day_unique_impressions,
        SUM(media_cost) AS media_cost,
        SUM(total_cost) AS total_cost,
        SUM(data_cost) AS data_cost,
        SUM(brand_safety_cost) AS brand_safety_cost,
        SUM(rich_media_cost) AS rich_media_cost,
        SUM(trading_desk_fee) AS trading_desk_fee
    FROM impressions
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
) AS counted
