-- What is known of no event is NULL, not 0.
SELECT
    file_date,
    file_hour,
    occurred_hour_at,
    COALESCE(CAST(campaign_id AS STRING), '') AS log_campaign_id,
    COALESCE(MD5(user_agent), REPEAT('0', 32)) AS user_agent_id,
    is_fraud,
    clicks,
    timed_clicks,
    clicks_before_impression,
    clicks_under_1s,
    clicks_1_to_10s,
    clicks_10_to_60s,
    clicks_over_60s
FROM (
    SELECT
        file_date,
        file_hour,
        DATE_TRUNC('hour', occurred_at) AS occurred_hour_at,
        campaign_id,
        user_agent,
        is_fraud,
        COUNT(*) AS clicks,
        NULLIF(COUNT(latency_ms), 0) AS timed_clicks,
        SUM(CASE WHEN latency_ms < 0 THEN 1 WHEN latency_ms >= 0 THEN 0 END)
            AS clicks_before_impression,
        SUM(
            CASE WHEN latency_ms BETWEEN 0 AND 999 THEN 1 WHEN latency_ms IS NOT NULL THEN 0 END
        ) AS clicks_under_1s,
        SUM(
            CASE WHEN latency_ms BETWEEN 1000 AND 9999 THEN 1 WHEN latency_ms IS NOT NULL THEN 0 END
        ) AS clicks_1_to_10s,
        SUM(
            CASE
                WHEN latency_ms BETWEEN 10000 AND 59999 THEN 1 WHEN latency_ms IS NOT NULL THEN 0
            END
        ) AS clicks_10_to_60s,
        SUM(CASE WHEN latency_ms >= 60000 THEN 1 WHEN latency_ms < 60000 THEN 0 END)
            AS clicks_over_60s
    FROM clicks
    GROUP BY 1, 2, 3, 4, 5, 6
) AS counted
