SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE SCHEMA marts;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE marts.dim_advertisers (
    advertiser_id integer NOT NULL,
    advertiser_name text,
    is_current boolean,
    created_at timestamp without time zone
);
CREATE TABLE marts.dim_campaigns (
    campaign_id integer NOT NULL,
    advertiser_id integer,
    campaign_name text,
    bid numeric(10,2),
    budget numeric(10,2),
    flight_days bigint,
    is_current boolean,
    start_date date,
    end_date date,
    created_at timestamp without time zone
);
CREATE TABLE marts.dim_dates (
    weekday_name text,
    iso_weekday bigint,
    is_weekend boolean,
    is_full_in_database boolean,
    is_full_in_logs boolean,
    date_day date NOT NULL
);
CREATE TABLE marts.dim_user_agents (
    user_agent_id text NOT NULL,
    user_agent text,
    browser_family text,
    os_family text,
    device_family text,
    device_class text,
    invalid_reason text,
    crawler_pattern text,
    classifier_version text,
    is_crawler boolean
);
CREATE TABLE marts.fct_advertiser_daily (
    advertiser_id integer NOT NULL,
    impressions bigint,
    clicks bigint,
    ctr double precision,
    estimated_spend numeric(38,2),
    active_campaigns bigint,
    event_date date NOT NULL
);
CREATE TABLE marts.fct_campaign_ctr (
    campaign_id integer NOT NULL,
    campaign_name text,
    impressions bigint,
    clicks bigint,
    ctr double precision,
    ctr_low double precision,
    ctr_high double precision
);
CREATE TABLE marts.fct_campaign_ctr_anomalies (
    campaign_id integer NOT NULL,
    impressions bigint,
    clicks bigint,
    ctr double precision,
    prior_impressions bigint,
    prior_clicks bigint,
    prior_ctr double precision,
    z_score double precision,
    is_anomaly boolean,
    event_date date NOT NULL
);
CREATE TABLE marts.fct_campaign_daily (
    campaign_id integer NOT NULL,
    advertiser_id integer,
    impressions bigint,
    clicks bigint,
    ctr double precision,
    ctr_low double precision,
    ctr_high double precision,
    estimated_spend numeric(38,2),
    cpc double precision,
    ecpm double precision,
    outside_flight_events bigint,
    is_in_flight boolean,
    event_date date NOT NULL
);
CREATE TABLE marts.fct_campaign_hour_profiles (
    campaign_id integer NOT NULL,
    iso_weekday bigint NOT NULL,
    hour_of_day bigint NOT NULL,
    impressions bigint,
    clicks bigint,
    ctr double precision,
    impression_share double precision
);
CREATE TABLE marts.fct_campaign_hourly (
    campaign_id integer NOT NULL,
    impressions bigint,
    clicks bigint,
    estimated_spend numeric(38,2),
    event_date date,
    hour_at timestamp without time zone NOT NULL
);
CREATE TABLE marts.fct_campaign_pacing_daily (
    campaign_id integer NOT NULL,
    pacing_status text,
    cumulative_impressions bigint,
    cumulative_clicks bigint,
    cumulative_estimated_spend numeric(38,2),
    estimated_spend_capped numeric(38,2),
    budget numeric(10,2),
    flight_days bigint,
    elapsed_days bigint,
    on_schedule_indicator double precision,
    budget_used_share double precision,
    projected_spend numeric(38,2),
    required_daily_spend numeric(38,2),
    is_full_day boolean,
    event_date date NOT NULL
);
CREATE TABLE marts.fct_daily_summary (
    event_date date NOT NULL,
    impressions bigint,
    clicks bigint,
    ctr double precision
);
CREATE TABLE marts.fct_log_reconciliation_daily (
    event_type text NOT NULL,
    status text,
    log_events bigint,
    db_events bigint,
    difference bigint,
    log_db_discrepancy double precision,
    event_date date NOT NULL
);
CREATE TABLE marts.fct_log_reconciliation_hourly (
    event_type text NOT NULL,
    status text,
    log_events bigint,
    db_events bigint,
    difference bigint,
    log_db_discrepancy double precision,
    event_date date,
    hour_at timestamp without time zone NOT NULL
);
CREATE TABLE marts.fct_traffic_quality_daily (
    invalid_reason text NOT NULL,
    impressions bigint,
    clicks bigint,
    gross_events bigint,
    ivt_rate double precision,
    event_date date NOT NULL
);
CREATE TABLE marts.fct_user_agent_hourly (
    user_agent_id text NOT NULL,
    gross_impressions bigint,
    gross_clicks bigint,
    valid_impressions bigint,
    valid_clicks bigint,
    fraud_flag_events bigint,
    crawler_events bigint,
    missing_user_agent_events bigint,
    non_browser_events bigint,
    event_date date,
    hour_at timestamp without time zone NOT NULL
);
CREATE TABLE marts.mart_campaign_kpis (
    campaign_id integer NOT NULL,
    advertiser_id integer,
    campaign_name text,
    advertiser_name text,
    pacing_status text,
    impressions bigint,
    clicks bigint,
    ctr double precision,
    ctr_low double precision,
    ctr_high double precision,
    estimated_spend numeric(38,2),
    estimated_spend_capped numeric(38,2),
    cpc double precision,
    ecpm double precision,
    bid numeric(10,2),
    budget numeric(10,2),
    budget_used_share double precision,
    on_schedule_indicator double precision,
    projected_spend numeric(38,2),
    required_daily_spend numeric(38,2),
    anomalous_days bigint,
    active_days bigint,
    is_current boolean,
    start_date date,
    end_date date,
    first_event_date date,
    last_event_date date
);
CREATE TABLE public.csv_data_task (
    datetime timestamp without time zone NOT NULL,
    impression_count bigint NOT NULL,
    click_count bigint NOT NULL,
    audit_loaded_datetime timestamp without time zone NOT NULL
);
CREATE TABLE public.load_audit (
    day date NOT NULL,
    user_agent text NOT NULL,
    run_id text NOT NULL,
    row_count bigint NOT NULL,
    impression_count bigint NOT NULL,
    click_count bigint NOT NULL,
    file_count bigint NOT NULL,
    files_fingerprint text NOT NULL,
    loaded_at timestamp without time zone NOT NULL
);
CREATE TABLE public.published_days (
    mart text NOT NULL,
    event_date date NOT NULL,
    rows bigint NOT NULL,
    fingerprint text NOT NULL,
    row_hash numeric NOT NULL
);
CREATE TABLE public.published_marts (
    mart text NOT NULL,
    version text NOT NULL,
    published_at timestamp with time zone NOT NULL
);
CREATE TABLE public.target_owner (
    warehouse_id text NOT NULL,
    warehouse_at text NOT NULL,
    owned_since timestamp without time zone NOT NULL,
    schema_version integer NOT NULL
);
INSERT INTO marts.dim_advertisers VALUES
	(1, 'Harbour Optics', true, '2026-11-30 23:52:22.267444');
INSERT INTO marts.dim_campaigns VALUES
	(1, 1, 'Summer Favourites', 1.68, 195.60, 58, true, '2026-11-22', '2027-01-18', '2026-11-30 23:52:22.301353');
INSERT INTO marts.dim_dates VALUES
	('Thursday', 4, false, true, false, '2022-05-26'),
	('Wednesday', 3, false, NULL, true, '2022-05-25');
INSERT INTO marts.dim_user_agents VALUES
	('a16ddaab909d2cf27fce353f26dd2ff2', 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36', 'Chrome', 'Windows', 'Other', 'desktop', NULL, NULL, 'rules 1 ua-parser 1.0.2 ua-parser-rs 0.1.5 ua-parser-builtins 202610 crawler-user-agents 1.67.0', false),
	('af26a291b02611b619f29585bbb19ac9', 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)', 'Googlebot', 'Other', 'Spider', 'other', 'crawler', 'Googlebot\/', 'rules 1 ua-parser 1.0.2 ua-parser-rs 0.1.5 ua-parser-builtins 202610 crawler-user-agents 1.67.0', true),
	('422fa3530f43d5d222be1cd07bba048c', 'Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0', 'Firefox', 'Linux', 'Other', 'desktop', NULL, NULL, 'rules 1 ua-parser 1.0.2 ua-parser-rs 0.1.5 ua-parser-builtins 202610 crawler-user-agents 1.67.0', false),
	('fe91023a19381cf52098bf522bf59747', 'some user agent', 'Other', 'Other', 'Other', 'other', 'non_browser', NULL, 'rules 1 ua-parser 1.0.2 ua-parser-rs 0.1.5 ua-parser-builtins 202610 crawler-user-agents 1.67.0', false),
	('85dc1cdf25134755b6e550bd6535f515', 'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36', 'Chrome Mobile', 'Android', 'Pixel 8', 'mobile', NULL, NULL, 'rules 1 ua-parser 1.0.2 ua-parser-rs 0.1.5 ua-parser-builtins 202610 crawler-user-agents 1.67.0', false),
	('d41d8cd98f00b204e9800998ecf8427e', '', 'Other', 'Other', 'Other', 'other', 'missing_user_agent', NULL, 'rules 1 ua-parser 1.0.2 ua-parser-rs 0.1.5 ua-parser-builtins 202610 crawler-user-agents 1.67.0', false);
INSERT INTO marts.fct_advertiser_daily VALUES
	(1, 0, 0, NULL, 0.00, 0, '2022-05-26');
INSERT INTO marts.fct_campaign_ctr VALUES
	(1, 'Summer Favourites', 0, 0, NULL, NULL, NULL);
INSERT INTO marts.fct_campaign_ctr_anomalies VALUES
	(1, 0, 0, NULL, 0, 0, NULL, NULL, false, '2022-05-26');
INSERT INTO marts.fct_campaign_daily VALUES
	(1, 1, 0, 0, NULL, NULL, NULL, 0.00, NULL, NULL, 0, false, '2022-05-26');
INSERT INTO marts.fct_campaign_pacing_daily VALUES
	(1, 'not_started', 0, 0, 0.00, 0.00, 195.60, 58, 0, NULL, 0, NULL, 3.37, true, '2022-05-26');
INSERT INTO marts.fct_daily_summary VALUES
	('2022-05-26', 0, 0, NULL);
INSERT INTO marts.fct_log_reconciliation_daily VALUES
	('impressions', 'db_missing', 5, 0, 5, NULL, '2022-05-26'),
	('clicks', 'db_missing', 3, 0, 3, NULL, '2022-05-26'),
	('impressions', 'db_missing', 1, 0, 1, NULL, '2022-05-25'),
	('clicks', 'ok', 0, 0, 0, NULL, '2022-05-25');
INSERT INTO marts.fct_log_reconciliation_hourly VALUES
	('impressions', 'db_missing', 1, 0, 1, NULL, '2022-05-26', '2022-05-26 07:00:00'),
	('impressions', 'db_missing', 1, 0, 1, NULL, '2022-05-25', '2022-05-25 23:00:00'),
	('clicks', 'db_missing', 1, 0, 1, NULL, '2022-05-26', '2022-05-26 21:00:00'),
	('impressions', 'db_missing', 1, 0, 1, NULL, '2022-05-26', '2022-05-26 18:00:00'),
	('impressions', 'db_missing', 1, 0, 1, NULL, '2022-05-26', '2022-05-26 06:00:00'),
	('impressions', 'db_missing', 1, 0, 1, NULL, '2022-05-26', '2022-05-26 10:00:00'),
	('impressions', 'db_missing', 1, 0, 1, NULL, '2022-05-26', '2022-05-26 20:00:00'),
	('clicks', 'db_missing', 1, 0, 1, NULL, '2022-05-26', '2022-05-26 17:00:00'),
	('clicks', 'db_missing', 1, 0, 1, NULL, '2022-05-26', '2022-05-26 18:00:00');
INSERT INTO marts.fct_traffic_quality_daily VALUES
	('missing_user_agent', 0, 0, 1, 0, '2022-05-25'),
	('none', 0, 0, 1, 0, '2022-05-25'),
	('crawler', 0, 0, 1, 0, '2022-05-25'),
	('non_browser', 1, 0, 1, 1, '2022-05-25'),
	('fraud_flag', 0, 0, 1, 0, '2022-05-25'),
	('non_browser', 1, 1, 8, 0.25, '2022-05-26'),
	('fraud_flag', 0, 0, 8, 0, '2022-05-26'),
	('none', 3, 1, 8, 0, '2022-05-26'),
	('crawler', 1, 0, 8, 0.125, '2022-05-26'),
	('missing_user_agent', 0, 1, 8, 0.125, '2022-05-26');
INSERT INTO marts.fct_user_agent_hourly VALUES
	('85dc1cdf25134755b6e550bd6535f515', 1, 0, 1, 0, 0, 0, 0, 0, '2022-05-26', '2022-05-26 07:00:00'),
	('af26a291b02611b619f29585bbb19ac9', 1, 0, 0, 0, 0, 1, 0, 0, '2022-05-26', '2022-05-26 18:00:00'),
	('d41d8cd98f00b204e9800998ecf8427e', 0, 1, 0, 0, 0, 0, 1, 0, '2022-05-26', '2022-05-26 17:00:00'),
	('fe91023a19381cf52098bf522bf59747', 1, 0, 0, 0, 0, 0, 0, 1, '2022-05-25', '2022-05-25 23:00:00'),
	('a16ddaab909d2cf27fce353f26dd2ff2', 1, 0, 1, 0, 0, 0, 0, 0, '2022-05-26', '2022-05-26 06:00:00'),
	('a16ddaab909d2cf27fce353f26dd2ff2', 1, 0, 1, 0, 0, 0, 0, 0, '2022-05-26', '2022-05-26 10:00:00'),
	('fe91023a19381cf52098bf522bf59747', 1, 0, 0, 0, 0, 0, 0, 1, '2022-05-26', '2022-05-26 20:00:00'),
	('422fa3530f43d5d222be1cd07bba048c', 0, 1, 0, 1, 0, 0, 0, 0, '2022-05-26', '2022-05-26 21:00:00'),
	('fe91023a19381cf52098bf522bf59747', 0, 1, 0, 0, 0, 0, 0, 1, '2022-05-26', '2022-05-26 18:00:00');
INSERT INTO marts.mart_campaign_kpis VALUES
	(1, 1, 'Summer Favourites', 'Harbour Optics', 'not_started', 0, 0, NULL, NULL, NULL, 0.00, 0.00, NULL, NULL, 1.68, 195.60, 0, NULL, NULL, 3.37, 0, 0, true, '2026-11-22', '2027-01-18', NULL, NULL);
INSERT INTO public.csv_data_task VALUES
	('2022-05-26 01:00:00', 1, 0, '2026-11-30 23:52:53.983188'),
	('2022-05-26 20:00:00', 0, 1, '2026-11-30 23:52:53.983188'),
	('2022-05-26 22:00:00', 1, 0, '2026-11-30 23:52:53.983188');
INSERT INTO public.load_audit VALUES
	('2022-05-26', 'some user agent', 'e9077676-11a4-40d4-8458-191400d02f26', 3, 2, 1, 9, '1bdb57ff4b4262871fe376bc75134ddac76dab0a6524e90ae24f1126279bd028', '2026-11-30 23:52:53.983188');
INSERT INTO public.published_days VALUES
	('dim_advertisers', '-infinity', 1, '2175270532828417385 2175270532828417385', -8852967684704242969),
	('dim_campaigns', '-infinity', 1, '3564777624964658946 3564777624964658946', -433337794521638719),
	('dim_dates', '-infinity', 2, '30897908779155110496 5378260113987745880', -2449577228387591926),
	('dim_user_agents', '-infinity', 6, '54387217500524287171 16729863609629410457', -3768113850695875121),
	('fct_advertiser_daily', '2022-05-26', 1, '9606350453141117090 9606350453141117090', 8975612335255736787),
	('fct_campaign_ctr', '-infinity', 1, '14566798879482757399 14566798879482757399', -1765448326684195586),
	('fct_campaign_ctr_anomalies', '2022-05-26', 1, '6524777695496262763 6524777695496262763', 6677432941882534781),
	('fct_campaign_daily', '2022-05-26', 1, '12586825743988328958 12586825743988328958', -3618423326442044136),
	('fct_campaign_pacing_daily', '2022-05-26', 1, '11657332879069711420 11657332879069711420', 3247944402200687383),
	('fct_daily_summary', '2022-05-26', 1, '13245157938535992488 13245157938535992488', 2271381677149037361),
	('fct_log_reconciliation_daily', '2022-05-25', 2, '23435320263794474683 11616185663081823931', -8460061531811495382),
	('fct_log_reconciliation_daily', '2022-05-26', 2, '1543313324100030494 1540445487455006622', -1469258657699379202),
	('fct_log_reconciliation_hourly', '2022-05-25', 1, '14003814957394660420 14003814957394660420', -995089120079499258),
	('fct_log_reconciliation_hourly', '2022-05-26', 8, '66716603678312012954 7289703290658454942', 3893500520453113817),
	('fct_traffic_quality_daily', '2022-05-25', 5, '54548222464134487891 16641090581445755313', -7644858724626064832),
	('fct_traffic_quality_daily', '2022-05-26', 5, '48081638038731753813 16210764634705283031', 4174206818479759483),
	('fct_user_agent_hourly', '2022-05-25', 1, '14481619752333801282 14481619752333801282', -8183335768069652366),
	('fct_user_agent_hourly', '2022-05-26', 8, '92580586080316217365 10702229184376250407', 14874707264155275665),
	('mart_campaign_kpis', '-infinity', 1, '15795129911883115282 15795129911883115282', -5337932752961439261);
INSERT INTO public.published_marts VALUES
	('dim_advertisers', '34b56c1156ef6051', '2026-11-30 23:53:24.66752+00'),
	('dim_campaigns', '2c236ede233a82a7', '2026-11-30 23:53:24.66752+00'),
	('dim_dates', '0af665a6d7feb099', '2026-11-30 23:53:24.66752+00'),
	('dim_user_agents', 'ca48ec91cd9d0c59', '2026-11-30 23:53:24.66752+00'),
	('fct_advertiser_daily', '7b45f26e00b912d4', '2026-11-30 23:53:24.66752+00'),
	('fct_campaign_ctr', '180ce07285bb457a', '2026-11-30 23:53:24.66752+00'),
	('fct_campaign_ctr_anomalies', 'b02a30b6f47c233b', '2026-11-30 23:53:24.66752+00'),
	('fct_campaign_daily', 'ba5153e2228ff977', '2026-11-30 23:53:24.66752+00'),
	('fct_campaign_hour_profiles', 'd1830b0a58ad7110', '2026-11-30 23:53:24.66752+00'),
	('fct_campaign_hourly', '67bea3dc09cae1c6', '2026-11-30 23:53:24.66752+00'),
	('fct_campaign_pacing_daily', 'adf4dd000c15937c', '2026-11-30 23:53:24.66752+00'),
	('fct_daily_summary', '8563afac8c762338', '2026-11-30 23:53:24.66752+00'),
	('fct_log_reconciliation_daily', '18e9f3a627e5b866', '2026-11-30 23:53:24.66752+00'),
	('fct_log_reconciliation_hourly', 'f67b053e5c1c5d55', '2026-11-30 23:53:24.66752+00'),
	('fct_traffic_quality_daily', '26bb2a615e00d85e', '2026-11-30 23:53:24.66752+00'),
	('fct_user_agent_hourly', 'e8f406faff65c85f', '2026-11-30 23:53:24.66752+00'),
	('mart_campaign_kpis', 'e5b8cb650b7335c0', '2026-11-30 23:53:24.66752+00');
INSERT INTO public.target_owner VALUES
	('92f0f7c0-9654-44a0-913e-91a540c7db98', '/srv/adtech/data/warehouse.duckdb on before', '2026-11-30 23:52:54.018352', 1);
ALTER TABLE ONLY marts.dim_advertisers
    ADD CONSTRAINT dim_advertisers_pkey PRIMARY KEY (advertiser_id);
ALTER TABLE ONLY marts.dim_campaigns
    ADD CONSTRAINT dim_campaigns_pkey PRIMARY KEY (campaign_id);
ALTER TABLE ONLY marts.dim_dates
    ADD CONSTRAINT dim_dates_pkey PRIMARY KEY (date_day);
ALTER TABLE ONLY marts.dim_user_agents
    ADD CONSTRAINT dim_user_agents_pkey PRIMARY KEY (user_agent_id);
ALTER TABLE ONLY marts.fct_advertiser_daily
    ADD CONSTRAINT fct_advertiser_daily_pkey PRIMARY KEY (advertiser_id, event_date);
ALTER TABLE ONLY marts.fct_campaign_ctr_anomalies
    ADD CONSTRAINT fct_campaign_ctr_anomalies_pkey PRIMARY KEY (campaign_id, event_date);
ALTER TABLE ONLY marts.fct_campaign_ctr
    ADD CONSTRAINT fct_campaign_ctr_pkey PRIMARY KEY (campaign_id);
ALTER TABLE ONLY marts.fct_campaign_daily
    ADD CONSTRAINT fct_campaign_daily_pkey PRIMARY KEY (campaign_id, event_date);
ALTER TABLE ONLY marts.fct_campaign_hour_profiles
    ADD CONSTRAINT fct_campaign_hour_profiles_pkey PRIMARY KEY (campaign_id, iso_weekday, hour_of_day);
ALTER TABLE ONLY marts.fct_campaign_hourly
    ADD CONSTRAINT fct_campaign_hourly_pkey PRIMARY KEY (campaign_id, hour_at);
ALTER TABLE ONLY marts.fct_campaign_pacing_daily
    ADD CONSTRAINT fct_campaign_pacing_daily_pkey PRIMARY KEY (campaign_id, event_date);
ALTER TABLE ONLY marts.fct_daily_summary
    ADD CONSTRAINT fct_daily_summary_pkey PRIMARY KEY (event_date);
ALTER TABLE ONLY marts.fct_log_reconciliation_daily
    ADD CONSTRAINT fct_log_reconciliation_daily_pkey PRIMARY KEY (event_date, event_type);
ALTER TABLE ONLY marts.fct_log_reconciliation_hourly
    ADD CONSTRAINT fct_log_reconciliation_hourly_pkey PRIMARY KEY (hour_at, event_type);
ALTER TABLE ONLY marts.fct_traffic_quality_daily
    ADD CONSTRAINT fct_traffic_quality_daily_pkey PRIMARY KEY (event_date, invalid_reason);
ALTER TABLE ONLY marts.fct_user_agent_hourly
    ADD CONSTRAINT fct_user_agent_hourly_pkey PRIMARY KEY (user_agent_id, hour_at);
ALTER TABLE ONLY marts.mart_campaign_kpis
    ADD CONSTRAINT mart_campaign_kpis_pkey PRIMARY KEY (campaign_id);
ALTER TABLE ONLY public.csv_data_task
    ADD CONSTRAINT csv_data_task_datetime_key UNIQUE (datetime);
ALTER TABLE ONLY public.csv_data_task REPLICA IDENTITY USING INDEX csv_data_task_datetime_key;
ALTER TABLE ONLY public.load_audit
    ADD CONSTRAINT load_audit_pkey PRIMARY KEY (day);
ALTER TABLE ONLY public.published_days
    ADD CONSTRAINT published_days_pkey PRIMARY KEY (mart, event_date);
ALTER TABLE ONLY public.published_marts
    ADD CONSTRAINT published_marts_pkey PRIMARY KEY (mart);
ALTER TABLE ONLY public.target_owner
    ADD CONSTRAINT target_owner_pkey PRIMARY KEY (warehouse_id);
CREATE INDEX dim_campaigns_advertiser_id_idx ON marts.dim_campaigns USING btree (advertiser_id);
CREATE INDEX fct_advertiser_daily_event_date_idx ON marts.fct_advertiser_daily USING btree (event_date);
CREATE INDEX fct_campaign_ctr_anomalies_event_date_idx ON marts.fct_campaign_ctr_anomalies USING btree (event_date);
CREATE INDEX fct_campaign_daily_advertiser_id_idx ON marts.fct_campaign_daily USING btree (advertiser_id);
CREATE INDEX fct_campaign_daily_event_date_idx ON marts.fct_campaign_daily USING btree (event_date);
CREATE INDEX fct_campaign_hourly_event_date_idx ON marts.fct_campaign_hourly USING btree (event_date);
CREATE INDEX fct_campaign_hourly_hour_at_idx ON marts.fct_campaign_hourly USING btree (hour_at);
CREATE INDEX fct_campaign_pacing_daily_event_date_idx ON marts.fct_campaign_pacing_daily USING btree (event_date);
CREATE INDEX fct_log_reconciliation_hourly_event_date_idx ON marts.fct_log_reconciliation_hourly USING btree (event_date);
CREATE INDEX fct_user_agent_hourly_event_date_idx ON marts.fct_user_agent_hourly USING btree (event_date);
CREATE INDEX fct_user_agent_hourly_hour_at_idx ON marts.fct_user_agent_hourly USING btree (hour_at);
CREATE INDEX mart_campaign_kpis_advertiser_id_idx ON marts.mart_campaign_kpis USING btree (advertiser_id);
