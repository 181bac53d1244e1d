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
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.advertiser (
    id integer NOT NULL,
    name character varying(255) NOT NULL,
    updated_at timestamp without time zone,
    created_at timestamp without time zone DEFAULT now()
);
CREATE SEQUENCE public.advertiser_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.advertiser_id_seq OWNED BY public.advertiser.id;
CREATE TABLE public.campaign (
    id integer NOT NULL,
    name character varying(255) NOT NULL,
    bid numeric(10,2) NOT NULL,
    budget numeric(10,2) NOT NULL,
    start_date date,
    end_date date,
    advertiser_id integer,
    updated_at timestamp without time zone,
    created_at timestamp without time zone DEFAULT now()
);
CREATE SEQUENCE public.campaign_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.campaign_id_seq OWNED BY public.campaign.id;
CREATE TABLE public.clicks (
    id integer NOT NULL,
    campaign_id integer,
    created_at timestamp without time zone DEFAULT now()
);
CREATE SEQUENCE public.clicks_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.clicks_id_seq OWNED BY public.clicks.id;
CREATE TABLE public.impressions (
    id integer NOT NULL,
    campaign_id integer,
    created_at timestamp without time zone DEFAULT now()
);
CREATE SEQUENCE public.impressions_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.impressions_id_seq OWNED BY public.impressions.id;
ALTER TABLE ONLY public.advertiser ALTER COLUMN id SET DEFAULT nextval('public.advertiser_id_seq'::regclass);
ALTER TABLE ONLY public.campaign ALTER COLUMN id SET DEFAULT nextval('public.campaign_id_seq'::regclass);
ALTER TABLE ONLY public.clicks ALTER COLUMN id SET DEFAULT nextval('public.clicks_id_seq'::regclass);
ALTER TABLE ONLY public.impressions ALTER COLUMN id SET DEFAULT nextval('public.impressions_id_seq'::regclass);
INSERT INTO public.advertiser VALUES
	(1, 'Harbour Optics', NULL, '2026-11-30 23:52:22.267444');
INSERT INTO public.campaign VALUES
	(1, 'Summer Favourites', 1.68, 195.60, '2026-11-22', '2027-01-18', 1, NULL, '2026-11-30 23:52:22.301353');
INSERT INTO public.clicks VALUES
	(1, 1, '2026-11-25 14:19:55.998512'),
	(2, 1, '2026-11-25 19:15:44.44364');
INSERT INTO public.impressions VALUES
	(1, 1, '2026-11-25 14:18:08.387857'),
	(2, 1, '2026-11-25 18:57:13.031155'),
	(3, 1, '2026-11-25 19:14:29.095546'),
	(4, 1, '2026-11-27 10:41:04.908392');
SELECT pg_catalog.setval('public.advertiser_id_seq', 1, true);
SELECT pg_catalog.setval('public.campaign_id_seq', 1, true);
SELECT pg_catalog.setval('public.clicks_id_seq', 2, true);
SELECT pg_catalog.setval('public.impressions_id_seq', 4, true);
ALTER TABLE ONLY public.advertiser
    ADD CONSTRAINT advertiser_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.campaign
    ADD CONSTRAINT campaign_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.clicks
    ADD CONSTRAINT clicks_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.impressions
    ADD CONSTRAINT impressions_pkey PRIMARY KEY (id);
CREATE INDEX ix_clicks_created_at ON public.clicks USING btree (created_at);
CREATE INDEX ix_impressions_created_at ON public.impressions USING btree (created_at);
