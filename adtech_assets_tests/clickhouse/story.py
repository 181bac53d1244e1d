"""Five weeks in a warehouse with a row for every model, to be built by two engines.

Campaigns and their terms change, a month is closed and its days say something else since, clocks
are set back, and the log has letters, amounts and times of every kind.
"""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg import sql

from adtech_assets import billing
from adtech_assets.contract import KINDS
from adtech_assets.environment import PROJECT_DIR
from adtech_assets.feed.ingest import Ingest
from adtech_assets.models.dbt import invoke
from adtech_assets.operational import snapshot
from adtech_assets.operational.schema import create_schema
from adtech_assets.partitions import DayRange, parse_month
from adtech_assets.sample.log_files import write_log_file
from adtech_assets.stores.postgres import copy_rows
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.end_to_end.recounted_log_marts import REASONS, ZONE
from adtech_assets_tests.rollup.counted import count_events

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adtech_assets.settings import Settings
    from adtech_assets.stores.postgres import Postgres

DAYS = DayRange(date(2022, 9, 26), date(2022, 10, 31))
"""Monday to Monday, with the day of 25 hours."""
CLOSED = parse_month("2022-09")
FIRST_EXTRACTION = datetime(2022, 10, 12, 10, 30)  # noqa: DTZ001 - UTC, as the warehouse has it
LAST_EXTRACTION = datetime(2022, 10, 31, 17, 45)  # noqa: DTZ001

ROWS = """
INSERT INTO advertiser (id, name, created_at) VALUES
    (1, 'Acme', '2022-05-01 12:00'), (2, 'Bølt', NULL), (3, 'Without campaigns', '2022-05-01');
INSERT INTO campaign (id, name, bid, budget, start_date, end_date, advertiser_id) VALUES
    (1, 'Steady', 0.50, 400, '2022-09-26', '2022-11-05', 1),
    (2, 'Crowded', 0.07, 12.34, '2022-10-03', '2022-10-20', 1),
    (3, 'No budget', 1.25, 0, '2022-10-01', '2022-10-31', 2),
    (4, 'No flight', 0.99, 10, NULL, NULL, 2),
    (5, 'Backwards', 0.01, 10, '2022-10-05', '2022-10-01', NULL),
    (6, 'Negative', -0.35, -5, '2022-10-01', '2022-10-31', 404),
    (7, 'To come', 0.60, 60, '2022-11-05', '2022-11-09', 1);
"""
CHANGES = """
UPDATE campaign SET bid = 0.80, budget = 500 WHERE id = 1;
UPDATE campaign SET name = 'Renamed', advertiser_id = 2 WHERE id = 2;
UPDATE advertiser SET name = 'Bølt & Sons' WHERE id = 2;
DELETE FROM campaign WHERE id = 4;
INSERT INTO campaign (id, name, bid, budget, start_date, end_date, advertiser_id)
VALUES (50, 'Late', 0.33, 50, '2022-10-01', '2022-10-31', 2);
"""
CAMPAIGNS = (1, 2, 3, 4, 5, 6, 50, 99, None)

ODD_VALUES = """
UPDATE raw.impression_logs SET publisher_domain = ' BÜCHER.Example.. ' WHERE rowid % 11 = 1;
UPDATE raw.impression_logs SET deal = chr(0) || repeat('Ж', 300) WHERE rowid % 13 = 1;
UPDATE raw.impression_logs SET eur_rate = NULL WHERE rowid % 17 = 1;
UPDATE raw.impression_logs SET currency = ' eur' WHERE rowid % 19 = 1;
UPDATE raw.impression_logs SET total_cost = 1234567.5, media_cost = NULL WHERE rowid % 23 = 1;
UPDATE raw.click_logs SET landing_url = 'HTTPS://shop.example/Ñ//#a?b' WHERE rowid % 7 = 1;
UPDATE raw.click_logs SET landing_url = NULL WHERE rowid % 7 = 2;
UPDATE raw.click_logs SET landing_url = ' ftp://?' || repeat('x', 600) WHERE rowid % 7 = 3;
UPDATE raw.click_logs SET landing_url = repeat('ø', 600) WHERE rowid % 7 = 4;
UPDATE raw.click_logs SET shown_at = event_at + INTERVAL 1700 MICROSECONDS WHERE rowid % 9 = 1;
UPDATE raw.click_logs SET shown_at = NULL WHERE rowid % 9 = 2;
"""
LATER_THAN_THE_CLOSING = """
UPDATE billing.closed_campaign_months SET gross_clicks = gross_clicks + 1 WHERE campaign_id = 1;
UPDATE billing.closed_campaign_months SET net_spend = 0.01 - net_spend WHERE campaign_id = 2;
UPDATE billing.closed_campaign_months SET currency = 'NOK' WHERE campaign_id = 3;
DELETE FROM billing.closed_campaign_months WHERE campaign_id = -1;
"""


def tell(settings: Settings, source: Postgres) -> None:
    """Fill source and warehouse, and build every model and snapshot in DuckDB."""
    rng = random.Random(5)  # noqa: S311 - rows are no secrets
    for day in DAYS:
        for hour in range(24) if day == DAYS.last - timedelta(1) else (0, 9, 22):
            deliver(Path(settings.raw_data_dir), rng, datetime(day.year, day.month, day.day, hour))  # noqa: DTZ001
    with source.connect() as connection:
        create_schema(connection)
        connection.execute(ROWS)
        with connection.cursor() as cursor:
            for kind in KINDS:
                table = sql.Identifier(kind)
                copy_rows(cursor, table, ("campaign_id", "created_at"), events(rng, kind))
    with Warehouse.of(settings).connect() as warehouse:
        for kind in KINDS:
            Ingest(warehouse, settings, kind, DAYS, "run").run()
        warehouse.execute(billing.SCHEMA + ODD_VALUES)
        count_events(warehouse, DAYS, now=LAST_EXTRACTION)
    extract(settings, source, FIRST_EXTRACTION)
    build(settings, "+resource_type:snapshot")
    with source.connect() as connection:
        connection.execute(CHANGES)
    extract(settings, source, LAST_EXTRACTION)
    build(settings, "*")
    with Warehouse.of(settings).connect() as warehouse:
        closing = billing.Closing(at=LAST_EXTRACTION, by="somebody", version="0.1.0")
        billing.freeze(warehouse, CLOSED, closing)
        warehouse.execute(LATER_THAN_THE_CLOSING)
    build(settings, "path:models/marts/billing")


def deliver(folder: Path, rng: random.Random, hour: datetime) -> None:
    """A file of each kind: most events in its hour, some around it, far from it, or undated."""
    for kind in KINDS:
        start = hour.replace(tzinfo=ZONE)
        times: list[int | None] = []
        for _ in range(rng.randrange(9, 18)):
            moment = start + timedelta(milliseconds=rng.randrange(3_600_000))
            if rng.random() < 0.3:
                moment += timedelta(hours=rng.choice((-72, -25, -24, -1, 1, 24, 25, 49)))
            undated = rng.random() < 0.05
            times.append(None if undated else int(moment.timestamp() * 1000))
        write_log_file(
            folder / f"{kind}_{hour:%Y%m%d%H}.parquet",
            kind,
            user_agents=rng.choices(list(REASONS), k=len(times)),
            creation_times_ms=times,
            campaign_ids=rng.choices(CAMPAIGNS, k=len(times)),
            is_fraud=rng.choices((True, False, False, None), k=len(times)),
        )


def events(rng: random.Random, kind: str) -> Iterator[tuple[int | None, datetime | None]]:
    """Rows of the source: on every day of every campaign, on the edges of hours, and undated."""
    most = 60 if kind == "impressions" else 6
    start = datetime(DAYS.first.year, DAYS.first.month, DAYS.first.day)  # noqa: DTZ001
    for day in range(-1, len(DAYS)):
        for campaign in CAMPAIGNS:
            crowd = 8 if campaign == 2 and day % 10 == 0 else 1
            for _ in range(rng.randrange(most) * crowd):
                moment = start + timedelta(
                    days=day,
                    hours=rng.choice((0, 9, 9, 9, 22, 23)),
                    microseconds=rng.choice((0, 1, 3_599_999_999, rng.randrange(3_600_000_000))),
                )
                yield campaign, None if rng.random() < 0.01 else moment


def extract(settings: Settings, source: Postgres, at: datetime) -> None:
    """Copy the source, as if it were another day."""
    with Warehouse.of(settings).connect() as warehouse:
        snapshot.extract(warehouse, source, DAYS, snapshot.RAW_TABLES, "run")
        for table in (*snapshot.WHOLE_TABLES, "extracted_days"):
            warehouse.execute(f"UPDATE raw.{table} SET extracted_at = ?", [at])


def build(settings: Settings, selected: str) -> None:
    """Build models and snapshots in DuckDB, for all days."""
    done = invoke(
        ["build", "--select", selected, "--resource-type", "model", "--resource-type", "snapshot"],
        project_dir=PROJECT_DIR / "adtech_dbt",
        target_path=settings.data_dir / "dbt",
    )
    assert {str(result.status) for result in done.results} == {"success"}
