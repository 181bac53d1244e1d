-- By day, for nobody asks for the hour of a placement and there would be ten times as many rows. The
-- hour of the file says the day where the event does not.
SELECT
    file_date,
    undated_hour,
    occurred_on,
    COALESCE(CAST(campaign_id AS STRING), '') AS log_campaign_id,
    publisher_domain,
    CAST(publisher_id AS STRING) AS publisher_id,
    CAST(site_id AS STRING) AS site_id,
    deal,
    CAST(inventory_source_id AS STRING) AS inventory_source_id,
    CAST(slot_position_id AS STRING) AS slot_position_id,
    banner_size,
    CAST(device_type_id AS STRING) AS device_type_id,
    CAST(country_id AS STRING) AS country_id,
    currency,
    eur_rate,
    impressions,
    clicks,
    invalid_impressions,
    invalid_clicks,
    measurable_impressions,
    viewable_impressions,
    priced_impressions,
    total_cost
FROM (
    SELECT
        events.file_date,
        CASE WHEN events.occurred_at IS NULL THEN events.file_hour END AS undated_hour,
        CAST(events.occurred_at AS DATE) AS occurred_on,
        events.campaign_id,
        events.publisher_domain,
        events.publisher_id,
        events.site_id,
        events.deal,
        events.inventory_source_id,
        events.slot_position_id,
        events.banner_size,
        events.device_type_id,
        events.country_id,
        events.currency,
        events.eur_rate,
        SUM(events.impressions) AS impressions,
        SUM(events.clicks) AS clicks,
        SUM(CASE WHEN events.is_fraud OR agents.is_invalid THEN events.impressions ELSE 0 END)
            AS invalid_impressions,
        SUM(CASE WHEN events.is_fraud OR agents.is_invalid THEN events.clicks ELSE 0 END)
            AS invalid_clicks,
        COUNT(
            CASE
                WHEN NOT events.is_fraud AND agents.is_invalid IS NULL
                    THEN events.is_viewable_by_mrc
            END
        ) AS measurable_impressions,
        COUNT(
            CASE
                WHEN
                    NOT events.is_fraud AND agents.is_invalid IS NULL AND events.is_viewable_by_mrc
                    THEN 1
            END
        ) AS viewable_impressions,
        COUNT(events.total_cost) AS priced_impressions,
        SUM(events.total_cost) AS total_cost
    FROM (
        SELECT
            file_date,
            file_hour,
            occurred_at,
            campaign_id,
            user_agent,
            is_fraud,
            publisher_domain,
            publisher_id,
            site_id,
            deal,
            inventory_source_id,
            slot_position_id,
            banner_size,
            device_type_id,
            country_id,
            currency,
            eur_rate,
            1 AS impressions,
            0 AS clicks,
            is_viewable_by_mrc,
            total_cost
        FROM impressions
        UNION ALL
        SELECT
            file_date,
            file_hour,
            occurred_at,
            campaign_id,
            user_agent,
            is_fraud,
            publisher_domain,
            publisher_id,
            site_id,
            deal,
            inventory_source_id,
            slot_position_id,
            banner_size,
            device_type_id,
            country_id,
            '' AS currency,
            NULL AS eur_rate,
            0 AS impressions,
            1 AS clicks,
            NULL AS is_viewable_by_mrc,
            NULL AS total_cost
        FROM clicks
    ) AS events
    LEFT JOIN invalid_agents AS agents ON events.user_agent IS NOT DISTINCT FROM agents.user_agent
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
) AS counted
