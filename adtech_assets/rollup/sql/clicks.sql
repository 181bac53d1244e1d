-- Logged clicks, as far as they can be believed.
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
    -- Below 0 where the clocks of two servers disagree.
    latency_ms,
    -- Host and path; what comes behind them only tells visits apart. A text of Postgres has no zero
    -- byte, and a key no room for much more.
    LEFT(
        REPLACE(
            TRIM(TRIM(TRAILING '/' FROM REGEXP_REPLACE(
                SPLIT_PART(SPLIT_PART(COALESCE(landing_url, ''), '#', 1), '?', 1),
                '^[A-Za-z]+://', ''
            ))),
            CHR(0), '�'
        ), 500
    ) AS landing_page
FROM logged_clicks
