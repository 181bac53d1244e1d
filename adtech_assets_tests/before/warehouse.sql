CREATE SCHEMA intermediate;
CREATE SCHEMA marts;
CREATE SCHEMA raw;
CREATE SCHEMA rollup;
CREATE SCHEMA snapshots;
CREATE SCHEMA staging;
CREATE SCHEMA state;
CREATE TABLE intermediate.int_campaign_events_hourly(campaign_id INTEGER, impressions BIGINT, clicks BIGINT, estimated_spend DECIMAL(38,2), event_date DATE, hour_at TIMESTAMP);
CREATE TABLE intermediate.int_campaign_totals(campaign_id INTEGER, impressions BIGINT, clicks BIGINT, estimated_spend DECIMAL(38,2), active_days BIGINT, first_event_date DATE, last_event_date DATE);
CREATE TABLE intermediate.int_log_events_hourly(user_agent_id VARCHAR, impressions BIGINT, clicks BIGINT, is_fraud BOOLEAN, event_date DATE, hour_at TIMESTAMP);
INSERT INTO intermediate.int_log_events_hourly VALUES
('85dc1cdf25134755b6e550bd6535f515', '1', '0', 'false', '2022-05-26', '2022-05-26 07:00:00'),
('af26a291b02611b619f29585bbb19ac9', '1', '0', 'false', '2022-05-26', '2022-05-26 18:00:00'),
('d41d8cd98f00b204e9800998ecf8427e', '0', '1', 'false', '2022-05-26', '2022-05-26 17:00:00'),
('fe91023a19381cf52098bf522bf59747', '1', '0', 'false', '2022-05-25', '2022-05-25 23:00:00'),
('a16ddaab909d2cf27fce353f26dd2ff2', '1', '0', 'false', '2022-05-26', '2022-05-26 06:00:00'),
('a16ddaab909d2cf27fce353f26dd2ff2', '1', '0', 'false', '2022-05-26', '2022-05-26 10:00:00'),
('fe91023a19381cf52098bf522bf59747', '1', '0', 'false', '2022-05-26', '2022-05-26 20:00:00'),
('422fa3530f43d5d222be1cd07bba048c', '0', '1', 'false', '2022-05-26', '2022-05-26 21:00:00'),
('fe91023a19381cf52098bf522bf59747', '0', '1', 'false', '2022-05-26', '2022-05-26 18:00:00');
CREATE TABLE marts.dim_advertisers(advertiser_id INTEGER NOT NULL, advertiser_name VARCHAR NOT NULL, is_current BOOLEAN NOT NULL, created_at TIMESTAMP);
INSERT INTO marts.dim_advertisers VALUES
('1', 'Harbour Optics', 'true', '2026-11-30 23:52:22.267444');
CREATE TABLE marts.dim_campaigns(campaign_id INTEGER NOT NULL, advertiser_id INTEGER NOT NULL, campaign_name VARCHAR NOT NULL, bid DECIMAL(10,2), budget DECIMAL(10,2), flight_days BIGINT, is_current BOOLEAN NOT NULL, start_date DATE, end_date DATE, created_at TIMESTAMP, CHECK((flight_days > 0)));
INSERT INTO marts.dim_campaigns VALUES
('1', '1', 'Summer Favourites', '1.68', '195.60', '58', 'true', '2026-11-22', '2027-01-18', '2026-11-30 23:52:22.301353');
CREATE TABLE marts.dim_dates(weekday_name VARCHAR NOT NULL, iso_weekday BIGINT NOT NULL, is_weekend BOOLEAN NOT NULL, is_full_in_database BOOLEAN, is_full_in_logs BOOLEAN, date_day DATE NOT NULL, CHECK((iso_weekday BETWEEN 1 AND 7)));
INSERT INTO marts.dim_dates VALUES
('Thursday', '4', 'false', 'true', 'false', '2022-05-26'),
('Wednesday', '3', 'false', NULL, 'true', '2022-05-25');
CREATE TABLE marts.dim_user_agents(user_agent_id VARCHAR NOT NULL, user_agent VARCHAR, browser_family VARCHAR NOT NULL, os_family VARCHAR NOT NULL, device_family VARCHAR NOT NULL, device_class VARCHAR NOT NULL, invalid_reason VARCHAR, crawler_pattern VARCHAR, classifier_version VARCHAR NOT NULL, is_crawler BOOLEAN NOT NULL, CHECK((device_class IN ('desktop', 'mobile', 'tablet', 'other'))), CHECK((invalid_reason IN ('crawler', 'missing_user_agent', 'non_browser'))));
INSERT INTO marts.dim_user_agents VALUES
('a16ddaab909d2cf27fce353f26dd2ff2', 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36', 'Chrome', 'Windows', 'Other', 'desktop', NULL, NULL, 'rules 1 ua-parser 1.0.2 ua-parser-rs 0.1.5 ua-parser-builtins 202610 crawler-user-agents 1.67.0', 'false'),
('af26a291b02611b619f29585bbb19ac9', 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)', 'Googlebot', 'Other', 'Spider', 'other', 'crawler', 'Googlebot\/', 'rules 1 ua-parser 1.0.2 ua-parser-rs 0.1.5 ua-parser-builtins 202610 crawler-user-agents 1.67.0', 'true'),
('422fa3530f43d5d222be1cd07bba048c', 'Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0', 'Firefox', 'Linux', 'Other', 'desktop', NULL, NULL, 'rules 1 ua-parser 1.0.2 ua-parser-rs 0.1.5 ua-parser-builtins 202610 crawler-user-agents 1.67.0', 'false'),
('fe91023a19381cf52098bf522bf59747', 'some user agent', 'Other', 'Other', 'Other', 'other', 'non_browser', NULL, 'rules 1 ua-parser 1.0.2 ua-parser-rs 0.1.5 ua-parser-builtins 202610 crawler-user-agents 1.67.0', 'false'),
('85dc1cdf25134755b6e550bd6535f515', 'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36', 'Chrome Mobile', 'Android', 'Pixel 8', 'mobile', NULL, NULL, 'rules 1 ua-parser 1.0.2 ua-parser-rs 0.1.5 ua-parser-builtins 202610 crawler-user-agents 1.67.0', 'false'),
('d41d8cd98f00b204e9800998ecf8427e', '', 'Other', 'Other', 'Other', 'other', 'missing_user_agent', NULL, 'rules 1 ua-parser 1.0.2 ua-parser-rs 0.1.5 ua-parser-builtins 202610 crawler-user-agents 1.67.0', 'false');
CREATE TABLE marts.fct_advertiser_daily(advertiser_id INTEGER NOT NULL, impressions BIGINT NOT NULL, clicks BIGINT NOT NULL, ctr DOUBLE, estimated_spend DECIMAL(38,2) NOT NULL, active_campaigns BIGINT NOT NULL, event_date DATE NOT NULL, CHECK((impressions >= 0)), CHECK((clicks >= 0)), CHECK((ctr BETWEEN 0 AND 1)), CHECK((active_campaigns >= 0)));
INSERT INTO marts.fct_advertiser_daily VALUES
('1', '0', '0', NULL, '0.00', '0', '2022-05-26');
CREATE TABLE marts.fct_campaign_ctr(campaign_id INTEGER NOT NULL, campaign_name VARCHAR NOT NULL, impressions BIGINT NOT NULL, clicks BIGINT NOT NULL, ctr DOUBLE, ctr_low DOUBLE, ctr_high DOUBLE, CHECK((impressions >= 0)), CHECK((clicks >= 0)), CHECK((ctr BETWEEN 0 AND 1)), CHECK((ctr_low BETWEEN 0 AND 1)), CHECK((ctr_high BETWEEN 0 AND 1)));
INSERT INTO marts.fct_campaign_ctr VALUES
('1', 'Summer Favourites', '0', '0', NULL, NULL, NULL);
CREATE TABLE marts.fct_campaign_ctr_anomalies(campaign_id INTEGER NOT NULL, impressions BIGINT NOT NULL, clicks BIGINT NOT NULL, ctr DOUBLE, prior_impressions BIGINT NOT NULL, prior_clicks BIGINT NOT NULL, prior_ctr DOUBLE, z_score DOUBLE, is_anomaly BOOLEAN NOT NULL, event_date DATE NOT NULL, CHECK((impressions >= 0)), CHECK((clicks >= 0)), CHECK((ctr BETWEEN 0 AND 1)), CHECK((prior_impressions >= 0)), CHECK((prior_clicks >= 0)), CHECK((prior_ctr BETWEEN 0 AND 1)));
INSERT INTO marts.fct_campaign_ctr_anomalies VALUES
('1', '0', '0', NULL, '0', '0', NULL, NULL, 'false', '2022-05-26');
CREATE TABLE marts.fct_campaign_daily(campaign_id INTEGER NOT NULL, advertiser_id INTEGER NOT NULL, impressions BIGINT NOT NULL, clicks BIGINT NOT NULL, ctr DOUBLE, ctr_low DOUBLE, ctr_high DOUBLE, estimated_spend DECIMAL(38,2) NOT NULL, cpc DOUBLE, ecpm DOUBLE, outside_flight_events BIGINT NOT NULL, is_in_flight BOOLEAN NOT NULL, event_date DATE NOT NULL, CHECK((impressions >= 0)), CHECK((clicks >= 0)), CHECK((ctr BETWEEN 0 AND 1)), CHECK((ctr_low BETWEEN 0 AND 1)), CHECK((ctr_high BETWEEN 0 AND 1)), CHECK((outside_flight_events >= 0)));
INSERT INTO marts.fct_campaign_daily VALUES
('1', '1', '0', '0', NULL, NULL, NULL, '0.00', NULL, NULL, '0', 'false', '2022-05-26');
CREATE TABLE marts.fct_campaign_hour_profiles(campaign_id INTEGER NOT NULL, iso_weekday BIGINT NOT NULL, hour_of_day BIGINT NOT NULL, impressions BIGINT NOT NULL, clicks BIGINT NOT NULL, ctr DOUBLE, impression_share DOUBLE, CHECK((iso_weekday BETWEEN 1 AND 7)), CHECK((hour_of_day BETWEEN 0 AND 23)), CHECK((impressions >= 0)), CHECK((clicks >= 0)), CHECK((ctr BETWEEN 0 AND 1)), CHECK((impression_share BETWEEN 0 AND 1)));
CREATE TABLE marts.fct_campaign_hourly(campaign_id INTEGER NOT NULL, impressions BIGINT NOT NULL, clicks BIGINT NOT NULL, estimated_spend DECIMAL(38,2) NOT NULL, event_date DATE NOT NULL, hour_at TIMESTAMP NOT NULL, CHECK((impressions >= 0)), CHECK((clicks >= 0)));
CREATE TABLE marts.fct_campaign_pacing_daily(campaign_id INTEGER NOT NULL, pacing_status VARCHAR NOT NULL, cumulative_impressions BIGINT NOT NULL, cumulative_clicks BIGINT NOT NULL, cumulative_estimated_spend DECIMAL(38,2) NOT NULL, estimated_spend_capped DECIMAL(38,2) NOT NULL, budget DECIMAL(10,2), flight_days BIGINT, elapsed_days BIGINT, on_schedule_indicator DOUBLE, budget_used_share DOUBLE, projected_spend DECIMAL(38,2), required_daily_spend DECIMAL(38,2), is_full_day BOOLEAN NOT NULL, event_date DATE NOT NULL, CHECK((pacing_status IN ('outside_flight', 'not_started', 'no_budget', 'no_flight', 'behind', 'on_track', 'ahead', 'over_budget'))), CHECK((flight_days > 0)), CHECK((elapsed_days BETWEEN 0 AND flight_days)));
INSERT INTO marts.fct_campaign_pacing_daily VALUES
('1', 'not_started', '0', '0', '0.00', '0.00', '195.60', '58', '0', NULL, '0.0', NULL, '3.37', 'true', '2022-05-26');
CREATE TABLE marts.fct_daily_summary(event_date DATE NOT NULL, impressions BIGINT NOT NULL, clicks BIGINT NOT NULL, ctr DOUBLE, CHECK((impressions >= 0)), CHECK((clicks >= 0)), CHECK((ctr BETWEEN 0 AND 1)));
INSERT INTO marts.fct_daily_summary VALUES
('2022-05-26', '0', '0', NULL);
CREATE TABLE marts.fct_log_reconciliation_daily(event_type VARCHAR NOT NULL, status VARCHAR NOT NULL, log_events BIGINT NOT NULL, db_events BIGINT NOT NULL, difference BIGINT NOT NULL, log_db_discrepancy DOUBLE, event_date DATE NOT NULL, CHECK((event_type IN ('impressions', 'clicks'))), CHECK((status IN ('ok', 'warn', 'breach', 'log_missing', 'db_missing'))), CHECK((log_events >= 0)), CHECK((db_events >= 0)));
INSERT INTO marts.fct_log_reconciliation_daily VALUES
('impressions', 'db_missing', '5', '0', '5', NULL, '2022-05-26'),
('clicks', 'db_missing', '3', '0', '3', NULL, '2022-05-26'),
('impressions', 'db_missing', '1', '0', '1', NULL, '2022-05-25'),
('clicks', 'ok', '0', '0', '0', NULL, '2022-05-25');
CREATE TABLE marts.fct_log_reconciliation_hourly(event_type VARCHAR NOT NULL, status VARCHAR NOT NULL, log_events BIGINT NOT NULL, db_events BIGINT NOT NULL, difference BIGINT NOT NULL, log_db_discrepancy DOUBLE, event_date DATE NOT NULL, hour_at TIMESTAMP NOT NULL, CHECK((event_type IN ('impressions', 'clicks'))), CHECK((status IN ('ok', 'warn', 'breach', 'log_missing', 'db_missing'))), CHECK((log_events >= 0)), CHECK((db_events >= 0)));
INSERT INTO marts.fct_log_reconciliation_hourly VALUES
('impressions', 'db_missing', '1', '0', '1', NULL, '2022-05-26', '2022-05-26 07:00:00'),
('impressions', 'db_missing', '1', '0', '1', NULL, '2022-05-25', '2022-05-25 23:00:00'),
('clicks', 'db_missing', '1', '0', '1', NULL, '2022-05-26', '2022-05-26 21:00:00'),
('impressions', 'db_missing', '1', '0', '1', NULL, '2022-05-26', '2022-05-26 18:00:00'),
('impressions', 'db_missing', '1', '0', '1', NULL, '2022-05-26', '2022-05-26 06:00:00'),
('impressions', 'db_missing', '1', '0', '1', NULL, '2022-05-26', '2022-05-26 10:00:00'),
('impressions', 'db_missing', '1', '0', '1', NULL, '2022-05-26', '2022-05-26 20:00:00'),
('clicks', 'db_missing', '1', '0', '1', NULL, '2022-05-26', '2022-05-26 17:00:00'),
('clicks', 'db_missing', '1', '0', '1', NULL, '2022-05-26', '2022-05-26 18:00:00');
CREATE TABLE marts.fct_traffic_quality_daily(invalid_reason VARCHAR NOT NULL, impressions BIGINT NOT NULL, clicks BIGINT NOT NULL, gross_events BIGINT NOT NULL, ivt_rate DOUBLE, event_date DATE NOT NULL, CHECK((invalid_reason IN ('none', 'fraud_flag', 'crawler', 'missing_user_agent', 'non_browser'))), CHECK((impressions >= 0)), CHECK((clicks >= 0)), CHECK((gross_events >= 0)), CHECK((ivt_rate BETWEEN 0 AND 1)));
INSERT INTO marts.fct_traffic_quality_daily VALUES
('missing_user_agent', '0', '0', '1', '0.0', '2022-05-25'),
('none', '0', '0', '1', '0.0', '2022-05-25'),
('crawler', '0', '0', '1', '0.0', '2022-05-25'),
('non_browser', '1', '0', '1', '1.0', '2022-05-25'),
('fraud_flag', '0', '0', '1', '0.0', '2022-05-25'),
('non_browser', '1', '1', '8', '0.25', '2022-05-26'),
('fraud_flag', '0', '0', '8', '0.0', '2022-05-26'),
('none', '3', '1', '8', '0.0', '2022-05-26'),
('crawler', '1', '0', '8', '0.125', '2022-05-26'),
('missing_user_agent', '0', '1', '8', '0.125', '2022-05-26');
CREATE TABLE marts.fct_user_agent_hourly(user_agent_id VARCHAR NOT NULL, gross_impressions BIGINT NOT NULL, gross_clicks BIGINT NOT NULL, valid_impressions BIGINT NOT NULL, valid_clicks BIGINT NOT NULL, fraud_flag_events BIGINT NOT NULL, crawler_events BIGINT NOT NULL, missing_user_agent_events BIGINT NOT NULL, non_browser_events BIGINT NOT NULL, event_date DATE NOT NULL, hour_at TIMESTAMP NOT NULL, CHECK((gross_impressions >= 0)), CHECK((gross_clicks >= 0)), CHECK((valid_impressions BETWEEN 0 AND gross_impressions)), CHECK((valid_clicks BETWEEN 0 AND gross_clicks)), CHECK((fraud_flag_events >= 0)), CHECK((crawler_events >= 0)), CHECK((missing_user_agent_events >= 0)), CHECK((non_browser_events >= 0)));
INSERT INTO marts.fct_user_agent_hourly VALUES
('85dc1cdf25134755b6e550bd6535f515', '1', '0', '1', '0', '0', '0', '0', '0', '2022-05-26', '2022-05-26 07:00:00'),
('af26a291b02611b619f29585bbb19ac9', '1', '0', '0', '0', '0', '1', '0', '0', '2022-05-26', '2022-05-26 18:00:00'),
('d41d8cd98f00b204e9800998ecf8427e', '0', '1', '0', '0', '0', '0', '1', '0', '2022-05-26', '2022-05-26 17:00:00'),
('fe91023a19381cf52098bf522bf59747', '1', '0', '0', '0', '0', '0', '0', '1', '2022-05-25', '2022-05-25 23:00:00'),
('a16ddaab909d2cf27fce353f26dd2ff2', '1', '0', '1', '0', '0', '0', '0', '0', '2022-05-26', '2022-05-26 06:00:00'),
('a16ddaab909d2cf27fce353f26dd2ff2', '1', '0', '1', '0', '0', '0', '0', '0', '2022-05-26', '2022-05-26 10:00:00'),
('fe91023a19381cf52098bf522bf59747', '1', '0', '0', '0', '0', '0', '0', '1', '2022-05-26', '2022-05-26 20:00:00'),
('422fa3530f43d5d222be1cd07bba048c', '0', '1', '0', '1', '0', '0', '0', '0', '2022-05-26', '2022-05-26 21:00:00'),
('fe91023a19381cf52098bf522bf59747', '0', '1', '0', '0', '0', '0', '0', '1', '2022-05-26', '2022-05-26 18:00:00');
CREATE TABLE marts.mart_campaign_kpis(campaign_id INTEGER NOT NULL, advertiser_id INTEGER NOT NULL, campaign_name VARCHAR NOT NULL, advertiser_name VARCHAR NOT NULL, pacing_status VARCHAR, impressions BIGINT NOT NULL, clicks BIGINT NOT NULL, ctr DOUBLE, ctr_low DOUBLE, ctr_high DOUBLE, estimated_spend DECIMAL(38,2) NOT NULL, estimated_spend_capped DECIMAL(38,2) NOT NULL, cpc DOUBLE, ecpm DOUBLE, bid DECIMAL(10,2), budget DECIMAL(10,2), budget_used_share DOUBLE, on_schedule_indicator DOUBLE, projected_spend DECIMAL(38,2), required_daily_spend DECIMAL(38,2), anomalous_days BIGINT NOT NULL, active_days BIGINT NOT NULL, is_current BOOLEAN NOT NULL, start_date DATE, end_date DATE, first_event_date DATE, last_event_date DATE, CHECK((impressions >= 0)), CHECK((clicks >= 0)), CHECK((ctr BETWEEN 0 AND 1)), CHECK((ctr_low BETWEEN 0 AND 1)), CHECK((ctr_high BETWEEN 0 AND 1)), CHECK((anomalous_days >= 0)), CHECK((active_days >= 0)));
INSERT INTO marts.mart_campaign_kpis VALUES
('1', '1', 'Summer Favourites', 'Harbour Optics', 'not_started', '0', '0', NULL, NULL, NULL, '0.00', '0.00', NULL, NULL, '1.68', '195.60', '0.0', NULL, NULL, '3.37', '0', '0', 'true', '2026-11-22', '2027-01-18', NULL, NULL);
CREATE TABLE raw.advertisers(id INTEGER, "name" VARCHAR, updated_at TIMESTAMP, created_at TIMESTAMP, extracted_at TIMESTAMP);
INSERT INTO raw.advertisers VALUES
('1', 'Harbour Optics', NULL, '2026-11-30 23:52:22.267444', '2026-11-30 23:52:33.754436');
CREATE TABLE raw.campaigns(id INTEGER, "name" VARCHAR, bid DECIMAL(10,2), budget DECIMAL(10,2), start_date DATE, end_date DATE, advertiser_id INTEGER, updated_at TIMESTAMP, created_at TIMESTAMP, extracted_at TIMESTAMP);
INSERT INTO raw.campaigns VALUES
('1', 'Summer Favourites', '1.68', '195.60', '2026-11-22', '2027-01-18', '1', NULL, '2026-11-30 23:52:22.301353', '2026-11-30 23:52:33.754436');
CREATE TABLE raw.click_logs(file_id BIGINT NOT NULL, file_date DATE NOT NULL, file_hour TINYINT NOT NULL, event_at TIMESTAMP, user_agent VARCHAR, campaign_id BIGINT, is_fraud BOOLEAN);
INSERT INTO raw.click_logs VALUES
('1', '2022-05-26', '19', '2022-05-26 17:34:10.289', '', '1', 'false'),
('2', '2022-05-26', '20', '2022-05-26 18:12:39.554', 'some user agent', '5', 'false'),
('3', '2022-05-26', '23', '2022-05-26 21:09:31.198', 'Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0', '3', 'false');
CREATE TABLE raw.clicks(id BIGINT, campaign_id INTEGER, created_at TIMESTAMP);
CREATE TABLE raw.extracted_days(event_date DATE NOT NULL, impressions BIGINT NOT NULL, clicks BIGINT NOT NULL, extracted_at TIMESTAMP NOT NULL, run_id VARCHAR NOT NULL);
INSERT INTO raw.extracted_days VALUES
('2022-05-26', '0', '0', '2026-11-30 23:52:33.754436', 'e9077676-11a4-40d4-8458-191400d02f26');
CREATE TABLE raw.impression_logs(file_id BIGINT NOT NULL, file_date DATE NOT NULL, file_hour TINYINT NOT NULL, event_at TIMESTAMP, user_agent VARCHAR, campaign_id BIGINT, is_fraud BOOLEAN);
INSERT INTO raw.impression_logs VALUES
('4', '2022-05-26', '1', '2022-05-25 23:21:24.88', 'some user agent', '6', 'false'),
('5', '2022-05-26', '8', '2022-05-26 06:17:21.059', 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36', '3', 'false'),
('6', '2022-05-26', '9', '2022-05-26 07:39:04.326', 'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36', '3', 'false'),
('7', '2022-05-26', '12', '2022-05-26 10:56:37.651', 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36', '2', 'false'),
('8', '2022-05-26', '20', '2022-05-26 18:53:26.318', 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)', '5', 'false'),
('9', '2022-05-26', '22', '2022-05-26 20:01:20.381', 'some user agent', '1', 'false');
CREATE TABLE raw.impressions(id BIGINT, campaign_id INTEGER, created_at TIMESTAMP);
CREATE TABLE raw.log_files(file_id BIGINT NOT NULL, kind VARCHAR NOT NULL, file_name VARCHAR NOT NULL, sha256 VARCHAR, bytes BIGINT, modified_ns BIGINT, "rows" BIGINT, file_date DATE, file_hour TINYINT, first_offset BIGINT, last_offset BIGINT, feed_partition INTEGER, status VARCHAR NOT NULL, reason VARCHAR, detail VARCHAR, events_other_hour BIGINT, events_without_time BIGINT, missing_columns VARCHAR[], feed_columns VARCHAR[], schema_fingerprint VARCHAR, first_seen_at TIMESTAMP NOT NULL, loaded_at TIMESTAMP, deleted_at TIMESTAMP, run_id VARCHAR);
INSERT INTO raw.log_files VALUES
('1', 'clicks', 'clicks_processed_dk_20220526193415024_7383010000000000-7383010000000000_0.parquet', '6b2e532884df5fbf810c43e30d36d354f427ec13fee91f05041feff705b6a832', '13062', '1796082726860671824', '1', '2022-05-26', '19', '7383010000000000', '7383010000000000', '0', 'loaded', NULL, NULL, '0', '0', '[]', '[creation_time, user_agent, campaign_id, is_fraud]', 'd3479f6a5e803d0b', '2026-11-30 23:52:29.262653', '2026-11-30 23:52:29.262653', '2026-11-30 23:53:20.202692', 'e9077676-11a4-40d4-8458-191400d02f26'),
('2', 'clicks', 'clicks_processed_dk_20220526201241608_7383010000000001-7383010000000001_0.parquet', 'f170e9230d397d0ddf1adbb895aaefaed1c31607b642241d6ef1a52d8bd9971c', '13139', '1796082726882318860', '1', '2022-05-26', '20', '7383010000000001', '7383010000000001', '0', 'loaded', NULL, NULL, '0', '0', '[]', '[creation_time, user_agent, campaign_id, is_fraud]', 'd3479f6a5e803d0b', '2026-11-30 23:52:29.262653', '2026-11-30 23:52:29.262653', '2026-11-30 23:53:20.202692', 'e9077676-11a4-40d4-8458-191400d02f26'),
('3', 'clicks', 'clicks_processed_dk_20220526230934002_7383010000000002-7383010000000002_0.parquet', '3fb06a9d714e4d583de771e043d5311eeb899c3421b9fe0996146cae8f37f538', '13418', '1796082726896147630', '1', '2022-05-26', '23', '7383010000000002', '7383010000000002', '0', 'loaded', NULL, NULL, '0', '0', '[]', '[creation_time, user_agent, campaign_id, is_fraud]', 'd3479f6a5e803d0b', '2026-11-30 23:52:29.262653', '2026-11-30 23:52:29.262653', '2026-11-30 23:53:20.202692', 'e9077676-11a4-40d4-8458-191400d02f26'),
('5', 'impressions', 'impressions_processed_dk_20220526081724717_7383010000000001-7383010000000001_0.parquet', 'd9dd0d578f07ef0ee184c03c708397c6594f6b536ba694977a0dc5d256525a7c', '13546', '1796082726768147622', '1', '2022-05-26', '8', '7383010000000001', '7383010000000001', '0', 'loaded', NULL, NULL, '0', '0', '[]', '[creation_time, user_agent, campaign_id, is_fraud]', '10e02cbf2e1323b7', '2026-11-30 23:52:33.244015', '2026-11-30 23:52:33.244015', '2026-11-30 23:53:20.202692', 'e9077676-11a4-40d4-8458-191400d02f26'),
('6', 'impressions', 'impressions_processed_dk_20220526093907846_7383010000000002-7383010000000002_0.parquet', '970a1c8d9312288cb083160ecfda91978c60f96d6a9004146bb02937fd665423', '13576', '1796082726788147623', '1', '2022-05-26', '9', '7383010000000002', '7383010000000002', '0', 'loaded', NULL, NULL, '0', '0', '[]', '[creation_time, user_agent, campaign_id, is_fraud]', '10e02cbf2e1323b7', '2026-11-30 23:52:33.244015', '2026-11-30 23:52:33.244015', '2026-11-30 23:53:20.202692', 'e9077676-11a4-40d4-8458-191400d02f26'),
('7', 'impressions', 'impressions_processed_dk_20220526125640549_7383010000000003-7383010000000003_0.parquet', '29c244e22cebe38e8fdfbbafd410e9d0aeebcfd86f490fac08e0993bc41740f6', '13546', '1796082726804184038', '1', '2022-05-26', '12', '7383010000000003', '7383010000000003', '0', 'loaded', NULL, NULL, '0', '0', '[]', '[creation_time, user_agent, campaign_id, is_fraud]', '10e02cbf2e1323b7', '2026-11-30 23:52:33.244015', '2026-11-30 23:52:33.244015', '2026-11-30 23:53:20.202692', 'e9077676-11a4-40d4-8458-191400d02f26'),
('8', 'impressions', 'impressions_processed_dk_20220526205330511_7383010000000004-7383010000000004_0.parquet', 'cabc0152334eebd3c74392b77cc0bf0f524ada363868984e24b4a07d348b98ef', '13348', '1796082726820403471', '1', '2022-05-26', '20', '7383010000000004', '7383010000000004', '0', 'loaded', NULL, NULL, '0', '0', '[]', '[creation_time, user_agent, campaign_id, is_fraud]', '10e02cbf2e1323b7', '2026-11-30 23:52:33.244015', '2026-11-30 23:52:33.244015', '2026-11-30 23:53:20.202692', 'e9077676-11a4-40d4-8458-191400d02f26'),
('9', 'impressions', 'impressions_processed_dk_20220526220124432_7383010000000005-7383010000000005_0.parquet', 'daff5e17d51b6dafa941fbf95f436f321d4c832cfdf4bdca640cd93583bc082d', '13062', '1796082726844147627', '1', '2022-05-26', '22', '7383010000000005', '7383010000000005', '0', 'loaded', NULL, NULL, '0', '0', '[]', '[creation_time, user_agent, campaign_id, is_fraud]', '10e02cbf2e1323b7', '2026-11-30 23:52:33.244015', '2026-11-30 23:52:33.244015', '2026-11-30 23:53:20.202692', 'e9077676-11a4-40d4-8458-191400d02f26'),
('4', 'impressions', 'impressions_processed_dk_20220526012127880_7383010000000000-7383010000000000_0.parquet', '2edcad8c901fcd8938e71e084d355be85c52a9a4a39e058090364c0b92483f0c', '13062', '1796082726748147621', '1', '2022-05-26', '1', '7383010000000000', '7383010000000000', '0', 'loaded', NULL, NULL, '0', '0', '[]', '[creation_time, user_agent, campaign_id, is_fraud]', '10e02cbf2e1323b7', '2026-11-30 23:52:33.244015', '2026-11-30 23:52:33.244015', '2026-11-30 23:53:20.202692', 'e9077676-11a4-40d4-8458-191400d02f26');
CREATE TABLE "rollup".hourly_user_agent_rollup(event_date DATE NOT NULL, event_hour TINYINT NOT NULL, user_agent VARCHAR, impression_count BIGINT NOT NULL, click_count BIGINT NOT NULL);
INSERT INTO rollup.hourly_user_agent_rollup VALUES
('2022-05-26', '8', 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36', '1', '0'),
('2022-05-26', '12', 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36', '1', '0'),
('2022-05-26', '20', 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)', '1', '0'),
('2022-05-26', '19', '', '0', '1'),
('2022-05-26', '20', 'some user agent', '0', '1'),
('2022-05-26', '1', 'some user agent', '1', '0'),
('2022-05-26', '9', 'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36', '1', '0'),
('2022-05-26', '22', 'some user agent', '1', '0'),
('2022-05-26', '23', 'Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0', '0', '1');
CREATE TABLE "rollup".user_agents(user_agent_id VARCHAR NOT NULL, user_agent VARCHAR, browser_family VARCHAR NOT NULL, os_family VARCHAR NOT NULL, device_family VARCHAR NOT NULL, device_class VARCHAR NOT NULL, invalid_reason VARCHAR, crawler_pattern VARCHAR, classifier_version VARCHAR NOT NULL, classified_at TIMESTAMP NOT NULL);
INSERT INTO rollup.user_agents VALUES
('a16ddaab909d2cf27fce353f26dd2ff2', 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36', 'Chrome', 'Windows', 'Other', 'desktop', NULL, NULL, 'rules 1 ua-parser 1.0.2 ua-parser-rs 0.1.5 ua-parser-builtins 202610 crawler-user-agents 1.67.0', '2026-11-30 23:52:51.116691'),
('af26a291b02611b619f29585bbb19ac9', 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)', 'Googlebot', 'Other', 'Spider', 'other', 'crawler', 'Googlebot\/', 'rules 1 ua-parser 1.0.2 ua-parser-rs 0.1.5 ua-parser-builtins 202610 crawler-user-agents 1.67.0', '2026-11-30 23:52:51.116691'),
('422fa3530f43d5d222be1cd07bba048c', 'Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0', 'Firefox', 'Linux', 'Other', 'desktop', NULL, NULL, 'rules 1 ua-parser 1.0.2 ua-parser-rs 0.1.5 ua-parser-builtins 202610 crawler-user-agents 1.67.0', '2026-11-30 23:52:51.116691'),
('fe91023a19381cf52098bf522bf59747', 'some user agent', 'Other', 'Other', 'Other', 'other', 'non_browser', NULL, 'rules 1 ua-parser 1.0.2 ua-parser-rs 0.1.5 ua-parser-builtins 202610 crawler-user-agents 1.67.0', '2026-11-30 23:52:51.116691'),
('85dc1cdf25134755b6e550bd6535f515', 'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36', 'Chrome Mobile', 'Android', 'Pixel 8', 'mobile', NULL, NULL, 'rules 1 ua-parser 1.0.2 ua-parser-rs 0.1.5 ua-parser-builtins 202610 crawler-user-agents 1.67.0', '2026-11-30 23:52:51.116691'),
('d41d8cd98f00b204e9800998ecf8427e', '', 'Other', 'Other', 'Other', 'other', 'missing_user_agent', NULL, 'rules 1 ua-parser 1.0.2 ua-parser-rs 0.1.5 ua-parser-builtins 202610 crawler-user-agents 1.67.0', '2026-11-30 23:52:51.116691');
CREATE TABLE snapshots.snap_operational__advertisers(advertiser_id INTEGER, advertiser_name VARCHAR, created_at TIMESTAMP, updated_at TIMESTAMP, extracted_at TIMESTAMP, dbt_scd_id VARCHAR, dbt_updated_at TIMESTAMP, dbt_valid_from TIMESTAMP, dbt_valid_to TIMESTAMP);
INSERT INTO snapshots.snap_operational__advertisers VALUES
('1', 'Harbour Optics', '2026-11-30 23:52:22.267444', NULL, '2026-11-30 23:52:33.754436', '80d7386d02608ef2d5c526e53d1cfa51', '2026-11-30 23:52:33.754436', '2026-11-30 23:52:33.754436', NULL);
CREATE TABLE snapshots.snap_operational__campaigns(campaign_id INTEGER, advertiser_id INTEGER, campaign_name VARCHAR, bid DECIMAL(10,2), budget DECIMAL(10,2), start_date DATE, end_date DATE, created_at TIMESTAMP, updated_at TIMESTAMP, extracted_at TIMESTAMP, dbt_scd_id VARCHAR, dbt_updated_at TIMESTAMP, dbt_valid_from TIMESTAMP, dbt_valid_to TIMESTAMP);
INSERT INTO snapshots.snap_operational__campaigns VALUES
('1', '1', 'Summer Favourites', '1.68', '195.60', '2026-11-22', '2027-01-18', '2026-11-30 23:52:22.301353', NULL, '2026-11-30 23:52:33.754436', '80d7386d02608ef2d5c526e53d1cfa51', '2026-11-30 23:52:33.754436', '2026-11-30 23:52:33.754436', NULL);
CREATE TABLE state.verdicts(check_id VARCHAR NOT NULL, status VARCHAR NOT NULL, failures BIGINT, noted_at TIMESTAMP NOT NULL);
INSERT INTO state.verdicts VALUES
('test.adtech.campaign_events_hourly_has_one_row_per_key.d28c43f1a6', 'pass', '0', '2026-11-30 23:52:42.762234'),
('test.adtech.campaign_versions_have_one_row_per_key.31987250a1', 'pass', '0', '2026-11-30 23:52:42.767475'),
('test.adtech.daily_summary_clicks_are_within_impressions.ad0949b117', 'pass', '0', '2026-11-30 23:52:42.774597'),
('test.adtech.daily_summary_totals_staged_events', 'pass', '0', '2026-11-30 23:52:42.781007'),
('test.adtech.unique_fct_daily_summary_event_date.54d9a0328a', 'pass', '0', '2026-11-30 23:52:42.787306'),
('test.adtech.not_null_stg_operational__campaigns_campaign_id.07a92cd26f', 'pass', '0', '2026-11-30 23:52:42.793357'),
('test.adtech.relationships_stg_operational__campaigns_advertiser_id__id__source_operational_advertisers_.1b0e7a5f30', 'pass', '0', '2026-11-30 23:52:42.799353'),
('test.adtech.unique_stg_operational__campaigns_campaign_id.08bf630b34', 'pass', '0', '2026-11-30 23:52:42.805457'),
('test.adtech.not_null_stg_operational__clicks_click_id.0b31da2120', 'pass', '0', '2026-11-30 23:52:42.811421'),
('test.adtech.unique_stg_operational__clicks_click_id__event_date.43883f2e0a', 'pass', '0', '2026-11-30 23:52:42.815649'),
('test.adtech.not_null_stg_operational__extracted_days_event_date.cd72154fa8', 'pass', '0', '2026-11-30 23:52:42.821609'),
('test.adtech.unique_stg_operational__extracted_days_event_date.f06931f34f', 'pass', '0', '2026-11-30 23:52:42.828226'),
('test.adtech.not_null_stg_operational__impressions_impression_id.09f7d6eaa3', 'pass', '0', '2026-11-30 23:52:42.834269'),
('test.adtech.unique_stg_operational__impressions_impression_id__event_date.9fdd3fd59b', 'pass', '0', '2026-11-30 23:52:42.838068'),
('test.adtech.campaign_events_attributed_has_one_row_per_key.8779483f96', 'pass', '0', '2026-11-30 23:52:48.810126'),
('test.adtech.campaign_terms_daily_has_one_row_per_key.d1958ef216', 'pass', '0', '2026-11-30 23:52:48.818109'),
('test.adtech.unique_int_campaign_totals_campaign_id.3385a072bd', 'pass', '0', '2026-11-30 23:52:48.826717'),
('test.adtech.unique_dim_advertisers_advertiser_id.ac36ed60cd', 'pass', '0', '2026-11-30 23:52:48.834709'),
('test.adtech.campaign_bids_and_budgets_make_sense.ec3b4ebdda', 'pass', '0', '2026-11-30 23:52:48.84284'),
('test.adtech.unique_dim_campaigns_campaign_id.efba50e300', 'pass', '0', '2026-11-30 23:52:48.850631'),
('test.adtech.fct_advertiser_daily_has_one_row_per_key.fd7d1783c5', 'pass', '0', '2026-11-30 23:52:48.859249'),
('test.adtech.campaign_ctr_clicks_are_within_impressions.c6800389a0', 'pass', '0', '2026-11-30 23:52:48.87036'),
('test.adtech.campaign_ctr_totals_staged_events', 'pass', '0', '2026-11-30 23:52:48.888219'),
('test.adtech.unique_fct_campaign_ctr_campaign_id.64d2196f60', 'pass', '0', '2026-11-30 23:52:48.899002'),
('test.adtech.fct_campaign_ctr_anomalies_has_one_row_per_key.58cab232b9', 'pass', '0', '2026-11-30 23:52:48.907228'),
('test.adtech.fct_campaign_daily_has_one_row_per_key.51e64de7fe', 'pass', '0', '2026-11-30 23:52:48.915454'),
('test.adtech.fct_campaign_hour_profiles_has_one_row_per_key.97bd8f9286', 'pass', '0', '2026-11-30 23:52:48.923703'),
('test.adtech.fct_campaign_hourly_has_one_row_per_key.f871cc917b', 'pass', '0', '2026-11-30 23:52:48.931789'),
('test.adtech.fct_campaign_pacing_daily_has_one_row_per_key.19d5da8c00', 'pass', '0', '2026-11-30 23:52:48.939906'),
('test.adtech.operational_marts_total_attributed_events', 'pass', '0', '2026-11-30 23:52:48.947795'),
('test.adtech.unique_mart_campaign_kpis_campaign_id.7c2b826285', 'pass', '0', '2026-11-30 23:52:48.956307'),
('test.adtech.not_null_stg_operational__advertisers_advertiser_id.34486f9efe', 'pass', '0', '2026-11-30 23:52:48.964275'),
('test.adtech.unique_stg_operational__advertisers_advertiser_id.0a77c08846', 'pass', '0', '2026-11-30 23:52:48.97268'),
('test.adtech.log_events_classified_has_one_row_per_key.c9d0e68f82', 'pass', '0', '2026-11-30 23:52:57.888509'),
('test.adtech.log_events_hourly_has_one_row_per_key.7af46e0be0', 'pass', '0', '2026-11-30 23:52:57.899577'),
('test.adtech.fct_traffic_quality_daily_has_one_row_per_key.358d2da1d2', 'pass', '0', '2026-11-30 23:52:57.906216'),
('test.adtech.traffic_quality_totals_user_agent_hours', 'pass', '0', '2026-11-30 23:52:57.913037'),
('test.adtech.fct_user_agent_hourly_has_one_row_per_key.3db0d9e8d2', 'pass', '0', '2026-11-30 23:52:57.921087'),
('test.adtech.relationships_fct_user_agent_hourly_user_agent_id__user_agent_id__ref_stg_rollup__user_agents_.11218d7aeb', 'pass', '0', '2026-11-30 23:52:57.927392'),
('test.adtech.user_agent_hourly_totals_logged_events', 'pass', '0', '2026-11-30 23:52:57.934126'),
('test.adtech.unique_stg_logs__log_files_file_id.9737a520ca', 'pass', '0', '2026-11-30 23:52:57.940774'),
('test.adtech.unique_stg_rollup__user_agents_user_agent_id.681977c910', 'pass', '0', '2026-11-30 23:52:57.951849'),
('test.adtech.fct_log_reconciliation_daily_has_one_row_per_key.3658666f93', 'pass', '0', '2026-11-30 23:53:03.072963'),
('test.adtech.log_reconciliation_totals_both_sides', 'pass', '0', '2026-11-30 23:53:03.107826'),
('test.adtech.fct_log_reconciliation_hourly_has_one_row_per_key.ddac855f5d', 'pass', '0', '2026-11-30 23:53:03.135786'),
('test.adtech.unique_dim_dates_date_day.5e9dfa95c7', 'pass', '0', '2026-11-30 23:53:13.663802'),
('test.adtech.unique_dim_user_agents_user_agent_id.ff45eeb370', 'pass', '0', '2026-11-30 23:53:19.17224');
CREATE TABLE state.versions(part VARCHAR NOT NULL, "day" DATE, "version" VARCHAR NOT NULL, noted_at TIMESTAMP NOT NULL, run_id VARCHAR NOT NULL);
INSERT INTO state.versions VALUES
('raw.click_logs', '2022-05-26', '38788dbe5c9764fa', '2026-11-30 23:52:32.17394', 'e9077676-11a4-40d4-8458-191400d02f26'),
('raw.impression_logs', '2022-05-26', '4e01b18845753b71', '2026-11-30 23:52:33.372773', 'e9077676-11a4-40d4-8458-191400d02f26'),
('raw.log_files', '2022-05-26', '085d9d9246039787', '2026-11-30 23:52:33.377816', 'e9077676-11a4-40d4-8458-191400d02f26'),
('source.advertisers', NULL, '1 -7347742783342057566 {1114,23,1043,1114}', '2026-11-30 23:52:34.16172', 'e9077676-11a4-40d4-8458-191400d02f26'),
('raw.advertisers', '2026-11-30', 'd7be3c449a8a6ae0', '2026-11-30 23:52:34.165001', 'e9077676-11a4-40d4-8458-191400d02f26'),
('source.campaigns', NULL, '1 8310178429009701843 {23,1700,1700,1114,1082,23,1043,1082,1114}', '2026-11-30 23:52:34.178149', 'e9077676-11a4-40d4-8458-191400d02f26'),
('raw.campaigns', '2026-11-30', '0062e7cad0f4d45e', '2026-11-30 23:52:34.181446', 'e9077676-11a4-40d4-8458-191400d02f26'),
('source.impressions', '2022-05-26', '0 {23,1114,23}', '2026-11-30 23:52:34.194135', 'e9077676-11a4-40d4-8458-191400d02f26'),
('source.impressions', NULL, '0 {23,1114,23}', '2026-11-30 23:52:34.194135', 'e9077676-11a4-40d4-8458-191400d02f26'),
('source.clicks', '2022-05-26', '0 {23,1114,23}', '2026-11-30 23:52:34.207664', 'e9077676-11a4-40d4-8458-191400d02f26'),
('source.clicks', NULL, '0 {23,1114,23}', '2026-11-30 23:52:34.207664', 'e9077676-11a4-40d4-8458-191400d02f26'),
('raw.extracted_days', '2022-05-26', 'aa153ebfaf9ecde3', '2026-11-30 23:52:34.216238', 'e9077676-11a4-40d4-8458-191400d02f26'),
('raw.click_logs files_are_complete', '2022-05-26', '31a3e799c90b2b83', '2026-11-30 23:52:34.430971', 'e9077676-11a4-40d4-8458-191400d02f26'),
('raw.click_logs offsets_are_counted_once', '2022-05-26', 'e7b3fece1f7a8d10', '2026-11-30 23:52:34.628496', 'e9077676-11a4-40d4-8458-191400d02f26'),
('raw.impression_logs files_are_complete', '2022-05-26', '15c8067725f778dc', '2026-11-30 23:52:34.877301', 'e9077676-11a4-40d4-8458-191400d02f26'),
('raw.impression_logs offsets_are_counted_once', '2022-05-26', 'e7b3fece1f7a8d10', '2026-11-30 23:52:34.951658', 'e9077676-11a4-40d4-8458-191400d02f26'),
('raw.clicks rows_equal_source', '2022-05-26', '90084570c3d46a42', '2026-11-30 23:52:35.086661', 'e9077676-11a4-40d4-8458-191400d02f26'),
('raw.impressions rows_equal_source', '2022-05-26', '90084570c3d46a42', '2026-11-30 23:52:35.255863', 'e9077676-11a4-40d4-8458-191400d02f26'),
('rollup.hourly_user_agent_rollup', '2022-05-26', '87d12c80afa31818', '2026-11-30 23:52:35.446893', 'e9077676-11a4-40d4-8458-191400d02f26'),
('stg_operational__extracted_days', NULL, '6ac0bb18768ca8c1', '2026-11-30 23:52:42.710881', 'e9077676-11a4-40d4-8458-191400d02f26'),
('stg_operational__clicks', NULL, '218b41ca1a7e12fb', '2026-11-30 23:52:42.739764', 'e9077676-11a4-40d4-8458-191400d02f26'),
('stg_operational__impressions', NULL, 'bc29dc5b514bbf41', '2026-11-30 23:52:42.744012', 'e9077676-11a4-40d4-8458-191400d02f26'),
('stg_operational__campaigns', NULL, 'cce9226e815b39c4', '2026-11-30 23:52:42.747757', 'e9077676-11a4-40d4-8458-191400d02f26'),
('snap_operational__campaigns', '2026-11-30', '170c4c01df39f673', '2026-11-30 23:52:42.75204', 'e9077676-11a4-40d4-8458-191400d02f26'),
('int_campaign_versions', NULL, '74195faec5695db5', '2026-11-30 23:52:42.754764', 'e9077676-11a4-40d4-8458-191400d02f26'),
('fct_daily_summary', '2022-05-26', '2751c7d73a3edcbd', '2026-11-30 23:52:42.759412', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.campaign_versions_have_one_row_per_key.31987250a1', NULL, 'f7419f3fdd95f647', '2026-11-30 23:52:42.765735', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.daily_summary_clicks_are_within_impressions.ad0949b117', '2022-05-26', '31f5eda7c448b922', '2026-11-30 23:52:42.772847', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.daily_summary_totals_staged_events', '2022-05-26', '4f001a46b84c01c9', '2026-11-30 23:52:42.779312', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.unique_fct_daily_summary_event_date.54d9a0328a', NULL, '845696a29e2aad39', '2026-11-30 23:52:42.785488', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.not_null_stg_operational__campaigns_campaign_id.07a92cd26f', NULL, '4cc26ed69e76c28c', '2026-11-30 23:52:42.791646', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.relationships_stg_operational__campaigns_advertiser_id__id__source_operational_advertisers_.1b0e7a5f30', NULL, '9b3fbf7fef3ac51c', '2026-11-30 23:52:42.797699', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.unique_stg_operational__campaigns_campaign_id.08bf630b34', NULL, '8a109a23935c5009', '2026-11-30 23:52:42.803754', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.not_null_stg_operational__clicks_click_id.0b31da2120', NULL, '5cf4b73177ae1c73', '2026-11-30 23:52:42.809762', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.not_null_stg_operational__extracted_days_event_date.cd72154fa8', NULL, '3de198bcf25211c7', '2026-11-30 23:52:42.819997', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.unique_stg_operational__extracted_days_event_date.f06931f34f', NULL, '397790fb6cca68f8', '2026-11-30 23:52:42.826437', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.not_null_stg_operational__impressions_impression_id.09f7d6eaa3', NULL, 'e608e2a2959663c5', '2026-11-30 23:52:42.832474', 'e9077676-11a4-40d4-8458-191400d02f26'),
('rollup.hourly_user_agent_rollup rollup_totals_raw', '2022-05-26', 'e0b5d637bd45f23c', '2026-11-30 23:52:43.197652', 'e9077676-11a4-40d4-8458-191400d02f26'),
('stg_operational__advertisers', NULL, '004c764abc13cb87', '2026-11-30 23:52:48.672126', 'e9077676-11a4-40d4-8458-191400d02f26'),
('snap_operational__advertisers', '2026-11-30', '3fe5abe3528dbde1', '2026-11-30 23:52:48.68601', 'e9077676-11a4-40d4-8458-191400d02f26'),
('int_campaign_events_attributed', NULL, '4fff731d43e2ba4a', '2026-11-30 23:52:48.69851', 'e9077676-11a4-40d4-8458-191400d02f26'),
('fct_campaign_hourly', NULL, '530019ba6136b010', '2026-11-30 23:52:48.711776', 'e9077676-11a4-40d4-8458-191400d02f26'),
('int_campaign_totals', NULL, '5cbacab0f023e8cc', '2026-11-30 23:52:48.723395', 'e9077676-11a4-40d4-8458-191400d02f26'),
('fct_campaign_hour_profiles', NULL, '99ca87d7eb6a0af5', '2026-11-30 23:52:48.734793', 'e9077676-11a4-40d4-8458-191400d02f26'),
('dim_campaigns', NULL, '124521d1273a6485', '2026-11-30 23:52:48.741891', 'e9077676-11a4-40d4-8458-191400d02f26'),
('dim_advertisers', NULL, 'f4f5677351f8a598', '2026-11-30 23:52:48.745677', 'e9077676-11a4-40d4-8458-191400d02f26'),
('fct_campaign_ctr', NULL, '6af9e3816975ab9b', '2026-11-30 23:52:48.75973', 'e9077676-11a4-40d4-8458-191400d02f26'),
('int_campaign_terms_daily', NULL, '7d90e4cce4d66006', '2026-11-30 23:52:48.767952', 'e9077676-11a4-40d4-8458-191400d02f26'),
('fct_campaign_daily', NULL, '1a710057d79f7037', '2026-11-30 23:52:48.781217', 'e9077676-11a4-40d4-8458-191400d02f26'),
('fct_advertiser_daily', NULL, 'f2ad3ccf548da42b', '2026-11-30 23:52:48.792013', 'e9077676-11a4-40d4-8458-191400d02f26'),
('fct_campaign_ctr_anomalies', NULL, '2c7b16d9f4a58c42', '2026-11-30 23:52:48.796636', 'e9077676-11a4-40d4-8458-191400d02f26'),
('fct_campaign_pacing_daily', NULL, 'fb59642e545a9075', '2026-11-30 23:52:48.801196', 'e9077676-11a4-40d4-8458-191400d02f26'),
('mart_campaign_kpis', NULL, '64dee6c4c99072c6', '2026-11-30 23:52:48.805771', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.campaign_terms_daily_has_one_row_per_key.d1958ef216', NULL, '44fb2fae459894be', '2026-11-30 23:52:48.815868', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.unique_int_campaign_totals_campaign_id.3385a072bd', NULL, '1b7ca9161d2dae8e', '2026-11-30 23:52:48.824342', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.unique_dim_advertisers_advertiser_id.ac36ed60cd', NULL, 'fb10e38a68c97ae5', '2026-11-30 23:52:48.832471', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.campaign_bids_and_budgets_make_sense.ec3b4ebdda', NULL, 'e30b491cc8ad733c', '2026-11-30 23:52:48.840657', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.unique_dim_campaigns_campaign_id.efba50e300', NULL, 'dd7640f021a3f6e9', '2026-11-30 23:52:48.848456', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.fct_advertiser_daily_has_one_row_per_key.fd7d1783c5', NULL, '896308bc5f4a295e', '2026-11-30 23:52:48.857116', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.campaign_ctr_clicks_are_within_impressions.c6800389a0', NULL, 'fdef2ae463c3df33', '2026-11-30 23:52:48.864958', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.campaign_ctr_totals_staged_events', NULL, 'b1f0711b34377a0c', '2026-11-30 23:52:48.884014', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.unique_fct_campaign_ctr_campaign_id.64d2196f60', NULL, '03ea11242fc2cd9c', '2026-11-30 23:52:48.896801', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.fct_campaign_ctr_anomalies_has_one_row_per_key.58cab232b9', NULL, 'c7ff5aba05a6b52e', '2026-11-30 23:52:48.904865', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.fct_campaign_daily_has_one_row_per_key.51e64de7fe', NULL, 'b577b17862791467', '2026-11-30 23:52:48.913183', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.fct_campaign_hour_profiles_has_one_row_per_key.97bd8f9286', NULL, 'dba6f36736b5b902', '2026-11-30 23:52:48.921334', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.fct_campaign_hourly_has_one_row_per_key.f871cc917b', NULL, '95f4bf5ba6ff49c5', '2026-11-30 23:52:48.929516', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.fct_campaign_pacing_daily_has_one_row_per_key.19d5da8c00', NULL, 'a0353510fe086fe6', '2026-11-30 23:52:48.93759', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.operational_marts_total_attributed_events', NULL, '8756b59746dff6f7', '2026-11-30 23:52:48.945603', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.unique_mart_campaign_kpis_campaign_id.7c2b826285', NULL, '6a536733425b8aa8', '2026-11-30 23:52:48.954033', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.not_null_stg_operational__advertisers_advertiser_id.34486f9efe', NULL, 'cd0f4395ec7d0e39', '2026-11-30 23:52:48.962045', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.unique_stg_operational__advertisers_advertiser_id.0a77c08846', NULL, '65fa241da6ec7849', '2026-11-30 23:52:48.97009', 'e9077676-11a4-40d4-8458-191400d02f26'),
('daily_csv', '2022-05-26', 'f1b3a3ff2bf76136', '2026-11-30 23:52:50.22747', 'e9077676-11a4-40d4-8458-191400d02f26'),
('rollup.user_agents', '2022-05-26', 'e5b984a462cf9757', '2026-11-30 23:52:52.724146', 'e9077676-11a4-40d4-8458-191400d02f26'),
('daily_csv csv_equals_rollup', '2022-05-26', '2194dcdd62172679', '2026-11-30 23:52:53.11019', 'e9077676-11a4-40d4-8458-191400d02f26'),
('rollup.user_agents every_agent_is_classified', '2022-05-26', '94e364888b19ca1f', '2026-11-30 23:52:53.615883', 'e9077676-11a4-40d4-8458-191400d02f26'),
('csv_data_task', '2022-05-26', '55ba20c9558b10c9', '2026-11-30 23:52:54.06011', 'e9077676-11a4-40d4-8458-191400d02f26'),
('stg_logs__log_files', NULL, 'ea5f485952e3c726', '2026-11-30 23:52:57.732132', 'e9077676-11a4-40d4-8458-191400d02f26'),
('stg_rollup__user_agents', NULL, '1a49111212f68898', '2026-11-30 23:52:57.749422', 'e9077676-11a4-40d4-8458-191400d02f26'),
('stg_logs__clicks', NULL, '355b15d2967ac8c7', '2026-11-30 23:52:57.772661', 'e9077676-11a4-40d4-8458-191400d02f26'),
('stg_logs__impressions', NULL, '89592f8ae83e095e', '2026-11-30 23:52:57.78971', 'e9077676-11a4-40d4-8458-191400d02f26'),
('int_log_events_hourly', '2022-05-26', '6c30349a4b4beef3', '2026-11-30 23:52:57.803855', 'e9077676-11a4-40d4-8458-191400d02f26'),
('int_log_events_hourly', '2022-05-27', '017acdc30a48738f', '2026-11-30 23:52:57.803855', 'e9077676-11a4-40d4-8458-191400d02f26'),
('int_log_events_hourly', '2022-05-25', '7118c7bb5e0f125d', '2026-11-30 23:52:57.803855', 'e9077676-11a4-40d4-8458-191400d02f26'),
('int_log_events_classified', NULL, '8799e8b3f20b3ead', '2026-11-30 23:52:57.837141', 'e9077676-11a4-40d4-8458-191400d02f26'),
('fct_traffic_quality_daily', '2022-05-26', '1c21610c2ea38fd8', '2026-11-30 23:52:57.858532', 'e9077676-11a4-40d4-8458-191400d02f26'),
('fct_traffic_quality_daily', '2022-05-27', '17dba27675972f86', '2026-11-30 23:52:57.858532', 'e9077676-11a4-40d4-8458-191400d02f26'),
('fct_traffic_quality_daily', '2022-05-25', 'e17a721afd0c4c02', '2026-11-30 23:52:57.858532', 'e9077676-11a4-40d4-8458-191400d02f26'),
('fct_user_agent_hourly', '2022-05-26', 'b8c36c8d874e50a9', '2026-11-30 23:52:57.872205', 'e9077676-11a4-40d4-8458-191400d02f26'),
('fct_user_agent_hourly', '2022-05-27', 'd3a62d5e97265f9f', '2026-11-30 23:52:57.872205', 'e9077676-11a4-40d4-8458-191400d02f26'),
('fct_user_agent_hourly', '2022-05-25', '9664ee01c22b3e3c', '2026-11-30 23:52:57.872205', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.log_events_classified_has_one_row_per_key.c9d0e68f82', '2022-05-26', '082f97ce12bd8a3f', '2026-11-30 23:52:57.880775', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.log_events_classified_has_one_row_per_key.c9d0e68f82', '2022-05-27', 'e556cc37e7c8e27a', '2026-11-30 23:52:57.880775', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.log_events_classified_has_one_row_per_key.c9d0e68f82', '2022-05-25', '8fc7547b7d6c8ca2', '2026-11-30 23:52:57.880775', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.log_events_hourly_has_one_row_per_key.7af46e0be0', NULL, 'aa681d7e717c5938', '2026-11-30 23:52:57.897676', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.fct_traffic_quality_daily_has_one_row_per_key.358d2da1d2', NULL, 'd38427e04354feb8', '2026-11-30 23:52:57.904352', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.traffic_quality_totals_user_agent_hours', '2022-05-26', '1f38eba7faeebcb9', '2026-11-30 23:52:57.911206', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.traffic_quality_totals_user_agent_hours', '2022-05-27', 'e1f54f706b62a273', '2026-11-30 23:52:57.911206', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.traffic_quality_totals_user_agent_hours', '2022-05-25', '72d3a9deae17ea9d', '2026-11-30 23:52:57.911206', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.fct_user_agent_hourly_has_one_row_per_key.3db0d9e8d2', NULL, '31819ee0d2a8c5bb', '2026-11-30 23:52:57.917677', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.relationships_fct_user_agent_hourly_user_agent_id__user_agent_id__ref_stg_rollup__user_agents_.11218d7aeb', NULL, '1d6322d904582659', '2026-11-30 23:52:57.925558', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.user_agent_hourly_totals_logged_events', '2022-05-26', '3c9100b7369f4cee', '2026-11-30 23:52:57.932277', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.user_agent_hourly_totals_logged_events', '2022-05-27', 'ed51f17b0e2ab552', '2026-11-30 23:52:57.932277', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.user_agent_hourly_totals_logged_events', '2022-05-25', 'f091dc72ed48c279', '2026-11-30 23:52:57.932277', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.unique_stg_logs__log_files_file_id.9737a520ca', NULL, 'b5d739241603c08f', '2026-11-30 23:52:57.938726', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.unique_stg_rollup__user_agents_user_agent_id.681977c910', NULL, '62bae2cdcdf13801', '2026-11-30 23:52:57.945544', 'e9077676-11a4-40d4-8458-191400d02f26'),
('csv_data_task table_equals_csv', '2022-05-26', 'f03dda0642406b46', '2026-11-30 23:52:59.090052', 'e9077676-11a4-40d4-8458-191400d02f26'),
('fct_log_reconciliation_hourly', '2022-05-26', '55376bf8282d787b', '2026-11-30 23:53:03.004519', 'e9077676-11a4-40d4-8458-191400d02f26'),
('fct_log_reconciliation_hourly', '2022-05-27', '73dc224e504c1a07', '2026-11-30 23:53:03.004519', 'e9077676-11a4-40d4-8458-191400d02f26'),
('fct_log_reconciliation_hourly', '2022-05-25', '630aa58851c71731', '2026-11-30 23:53:03.004519', 'e9077676-11a4-40d4-8458-191400d02f26'),
('fct_log_reconciliation_daily', '2022-05-26', 'dcf62115b2353871', '2026-11-30 23:53:03.034948', 'e9077676-11a4-40d4-8458-191400d02f26'),
('fct_log_reconciliation_daily', '2022-05-27', '6b0104223aebf833', '2026-11-30 23:53:03.034948', 'e9077676-11a4-40d4-8458-191400d02f26'),
('fct_log_reconciliation_daily', '2022-05-25', '2893297b47b5d10b', '2026-11-30 23:53:03.034948', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.fct_log_reconciliation_daily_has_one_row_per_key.3658666f93', NULL, '71a57a6827dbd4bb', '2026-11-30 23:53:03.06413', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.log_reconciliation_totals_both_sides', '2022-05-26', '71bddfe437801d8a', '2026-11-30 23:53:03.096392', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.log_reconciliation_totals_both_sides', '2022-05-27', '5849a1f4fc9c4368', '2026-11-30 23:53:03.096392', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.log_reconciliation_totals_both_sides', '2022-05-25', '3f3a1f556dd63c87', '2026-11-30 23:53:03.096392', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.fct_log_reconciliation_hourly_has_one_row_per_key.ddac855f5d', NULL, 'a8be88ea078a2ef9', '2026-11-30 23:53:03.128123', 'e9077676-11a4-40d4-8458-191400d02f26'),
('dim_dates', NULL, '6c2c4afdd320a1c9', '2026-11-30 23:53:13.558282', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.unique_dim_dates_date_day.5e9dfa95c7', NULL, 'e9c3cae7a8107590', '2026-11-30 23:53:13.636816', 'e9077676-11a4-40d4-8458-191400d02f26'),
('dim_user_agents', NULL, 'c54698443a70c37b', '2026-11-30 23:53:19.106293', 'e9077676-11a4-40d4-8458-191400d02f26'),
('test.adtech.unique_dim_user_agents_user_agent_id.ff45eeb370', NULL, 'bc082f42bf99ef59', '2026-11-30 23:53:19.168113', 'e9077676-11a4-40d4-8458-191400d02f26'),
('csv_data_task counts_are_conserved', '2022-05-26', 'f03dda0642406b46', '2026-11-30 23:53:32.852368', 'e9077676-11a4-40d4-8458-191400d02f26'),
('exports/campaign_ctr', NULL, 'c45230507973a9e3', '2026-11-30 23:53:33.806014', 'e9077676-11a4-40d4-8458-191400d02f26'),
('exports/daily_summary', NULL, 'c4895f5485e23791', '2026-11-30 23:53:35.641359', 'e9077676-11a4-40d4-8458-191400d02f26'),
('kpi_report', NULL, '690c34cbcd83ca24', '2026-11-30 23:53:39.866107', 'e9077676-11a4-40d4-8458-191400d02f26');
CREATE TABLE state.warehouse(id VARCHAR NOT NULL, schema_version INTEGER NOT NULL);
INSERT INTO state.warehouse VALUES
('92f0f7c0-9654-44a0-913e-91a540c7db98', '2');
CREATE VIEW intermediate.int_campaign_versions AS WITH snapshots AS (SELECT * FROM snapshots.snap_operational__campaigns), numbered AS (SELECT campaign_id, advertiser_id, campaign_name, bid, budget, start_date, end_date, created_at, dbt_valid_from AS valid_from, (dbt_valid_to IS NULL) AS is_current, CASE  WHEN ((end_date >= start_date)) THEN (((end_date - start_date) + 1)) ELSE NULL END AS flight_days, (row_number() OVER (PARTITION BY campaign_id ORDER BY dbt_valid_from) = 1) AS is_first, (lead(dbt_valid_from) OVER (PARTITION BY campaign_id ORDER BY dbt_valid_from) IS NULL) AS is_latest, lead(dbt_valid_from) OVER (PARTITION BY campaign_id ORDER BY dbt_valid_from) AS valid_until FROM snapshots), final AS (SELECT campaign_id, advertiser_id, campaign_name, bid, budget, flight_days, is_first, is_latest, is_current, start_date, end_date, created_at, valid_until, CASE  WHEN (is_first) THEN (CAST('0001-01-01' AS TIMESTAMP)) ELSE valid_from END AS valid_from FROM numbered) SELECT * FROM final;
CREATE VIEW staging.stg_logs__clicks AS WITH "source" AS (SELECT * FROM raw.click_logs), renamed AS (SELECT file_id, campaign_id, user_agent, file_hour, CAST(COALESCE(is_fraud, false) AS BOOLEAN) AS is_fraud, file_date, event_at AS occurred_at FROM "source") SELECT * FROM renamed;
CREATE VIEW staging.stg_logs__impressions AS WITH "source" AS (SELECT * FROM raw.impression_logs), renamed AS (SELECT file_id, campaign_id, user_agent, file_hour, CAST(COALESCE(is_fraud, false) AS BOOLEAN) AS is_fraud, file_date, event_at AS occurred_at FROM "source") SELECT * FROM renamed;
CREATE VIEW staging.stg_logs__log_files AS WITH "source" AS (SELECT * FROM raw.log_files), renamed AS (SELECT file_id, kind AS event_type, file_name, status, "rows" AS events, file_hour, file_date, first_seen_at, loaded_at FROM "source") SELECT * FROM renamed;
CREATE VIEW staging.stg_operational__advertisers AS WITH "source" AS (SELECT * FROM raw.advertisers), renamed AS (SELECT id AS advertiser_id, "name" AS advertiser_name, created_at, updated_at, extracted_at FROM "source") SELECT * FROM renamed;
CREATE VIEW staging.stg_operational__campaigns AS WITH "source" AS (SELECT * FROM raw.campaigns), renamed AS (SELECT id AS campaign_id, advertiser_id, "name" AS campaign_name, bid, budget, start_date, end_date, created_at, updated_at, extracted_at FROM "source") SELECT * FROM renamed;
CREATE VIEW staging.stg_operational__clicks AS WITH "source" AS (SELECT * FROM raw.clicks), renamed AS (SELECT id AS click_id, campaign_id, CAST(created_at AS date) AS event_date, created_at AS occurred_at FROM "source") SELECT * FROM renamed;
CREATE VIEW staging.stg_operational__extracted_days AS WITH "source" AS (SELECT * FROM raw.extracted_days), renamed AS (SELECT run_id, impressions, clicks, (extracted_at >= (event_date + (CAST(1 AS BIGINT) * to_days(CAST(trunc(CAST(1 AS DOUBLE)) AS INTEGER))))) AS is_full_day, event_date, extracted_at FROM "source") SELECT * FROM renamed;
CREATE VIEW staging.stg_operational__impressions AS WITH "source" AS (SELECT * FROM raw.impressions), renamed AS (SELECT id AS impression_id, campaign_id, CAST(created_at AS date) AS event_date, created_at AS occurred_at FROM "source") SELECT * FROM renamed;
CREATE VIEW staging.stg_rollup__user_agents AS WITH "source" AS (SELECT * FROM "rollup".user_agents), renamed AS (SELECT user_agent_id, user_agent, browser_family, os_family, device_family, device_class, invalid_reason, crawler_pattern, classifier_version, CAST(COALESCE((invalid_reason = 'crawler'), false) AS BOOLEAN) AS is_crawler, classified_at FROM "source") SELECT * FROM renamed;
CREATE VIEW intermediate.int_campaign_events_attributed AS WITH campaign_events AS (SELECT * FROM intermediate.int_campaign_events_hourly), first_versions AS (SELECT * FROM intermediate.int_campaign_versions WHERE is_first), final AS (SELECT campaign_events.campaign_id AS recorded_campaign_id, COALESCE(first_versions.campaign_id, -1) AS campaign_id, campaign_events.impressions, campaign_events.clicks, CAST(COALESCE(campaign_events.estimated_spend, (campaign_events.clicks * COALESCE(first_versions.bid, 0))) AS DECIMAL(38, 2)) AS estimated_spend, campaign_events.event_date, campaign_events.hour_at FROM (campaign_events LEFT JOIN first_versions ON ((campaign_events.campaign_id = first_versions.campaign_id)))) SELECT * FROM final;
CREATE VIEW intermediate.int_campaign_terms_daily AS WITH campaigns AS (SELECT * FROM marts.dim_campaigns), extracted_days AS (SELECT * FROM staging.stg_operational__extracted_days), advertisers AS (SELECT DISTINCT advertiser_id FROM snapshots.snap_operational__advertisers), campaign_versions AS (SELECT * FROM intermediate.int_campaign_versions), "days" AS (SELECT is_full_day, event_date, CAST(timezone('Europe/Copenhagen', timezone('UTC', (CAST(event_date AS TIMESTAMP) + CAST('12 hours' AS INTERVAL)))) AS date) AS feed_date, CAST((event_date + (CAST(1 AS BIGINT) * to_days(CAST(trunc(CAST(1 AS DOUBLE)) AS INTEGER)))) AS TIMESTAMP) AS day_ends_at FROM extracted_days), campaign_days AS (SELECT campaigns.campaign_id, "days".is_full_day, "days".event_date, "days".feed_date, "days".day_ends_at FROM (campaigns CROSS JOIN "days")), final AS (SELECT campaign_days.campaign_id, COALESCE(advertisers.advertiser_id, -1) AS advertiser_id, campaign_versions.budget, campaign_versions.flight_days, campaign_days.is_full_day, campaign_versions.start_date, campaign_versions.end_date, campaign_days.event_date, campaign_days.feed_date FROM ((campaign_days LEFT JOIN campaign_versions ON (((campaign_days.campaign_id = campaign_versions.campaign_id) AND (campaign_days.day_ends_at > campaign_versions.valid_from) AND ((campaign_days.day_ends_at <= campaign_versions.valid_until) OR (campaign_versions.valid_until IS NULL))))) LEFT JOIN advertisers ON ((campaign_versions.advertiser_id = advertisers.advertiser_id)))) SELECT * FROM final;
CREATE VIEW intermediate.int_log_events_classified AS WITH log_events AS (SELECT * FROM intermediate.int_log_events_hourly), user_agents AS (SELECT * FROM staging.stg_rollup__user_agents), final AS (SELECT log_events.user_agent_id, log_events.impressions, log_events.clicks, log_events.is_fraud, log_events.event_date, log_events.hour_at, CASE  WHEN (log_events.is_fraud) THEN ('fraud_flag') ELSE COALESCE(user_agents.invalid_reason, 'none') END AS invalid_reason FROM (log_events LEFT JOIN user_agents ON ((log_events.user_agent_id = user_agents.user_agent_id)))) SELECT * FROM final;
