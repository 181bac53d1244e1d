-- Union of ones and zeros instead of a full join: it fills the missing side with 0 and keeps a NULL
-- user agent as a group of its own.
SELECT
    file_date AS event_date,
    file_hour AS event_hour,
    user_agent,
    CAST(SUM(impressions) AS BIGINT) AS impression_count,
    CAST(SUM(clicks) AS BIGINT) AS click_count
FROM (
    SELECT file_date, file_hour, user_agent, 1 AS impressions, 0 AS clicks FROM impressions
    UNION ALL
    SELECT file_date, file_hour, user_agent, 0 AS impressions, 1 AS clicks FROM clicks
) AS events
GROUP BY file_date, file_hour, user_agent
