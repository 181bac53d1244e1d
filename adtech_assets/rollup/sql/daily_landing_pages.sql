-- By day, as placements are. The hour of the file says the day where the event does not.
SELECT
    file_date,
    CASE WHEN occurred_at IS NULL THEN file_hour END AS undated_hour,
    CAST(occurred_at AS DATE) AS occurred_on,
    COALESCE(CAST(campaign_id AS STRING), '') AS log_campaign_id,
    landing_page,
    COUNT(*) AS clicks,
    COUNT(latency_ms) AS timed_clicks,
    COUNT(CASE WHEN latency_ms < 1000 THEN 1 END) AS fast_clicks
FROM clicks
GROUP BY 1, 2, 3, 4, 5
