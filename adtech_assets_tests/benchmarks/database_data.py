"""Databases to measure with: the operational source, and empty ones to write to."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg

from adtech_assets.operational.schema import create_schema
from adtech_assets.partitions import DayRange
from adtech_assets.stores import embedded_postgres
from adtech_assets_tests.benchmarks.data import CAMPAIGNS, CLICKS_PER_IMPRESSION, FIRST_DAY, MADE

if TYPE_CHECKING:
    from datetime import date

SOURCE_DAYS = DayRange(FIRST_DAY, FIRST_DAY + timedelta(2))


def source_database(events: int) -> str:
    """URL of a source with impressions of three days, on a server kept for the benchmark."""
    folder = MADE / "postgres"
    url = embedded_postgres.database_url(folder, "operational")
    name = f"source_{events}"
    with psycopg.connect(url, autocommit=True) as connection:
        if not _database_exists(connection, name):
            with suppress(psycopg.errors.InvalidCatalogName):
                connection.execute(f'DROP DATABASE "{name}_unfinished" WITH (FORCE)')
            connection.execute(f'CREATE DATABASE "{name}_unfinished"')
            clicks = round(events * CLICKS_PER_IMPRESSION)
            fill_source(_url(url, f"{name}_unfinished"), SOURCE_DAYS, events, clicks)
            connection.execute(f'ALTER DATABASE "{name}_unfinished" RENAME TO "{name}"')
    return _url(url, name)


def scratch_database(name: str) -> str:
    """URL of an empty database on the same server."""
    url = embedded_postgres.database_url(MADE / "postgres", "analytics")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}"')
    return _url(url, name)


def fill_source(url: str, days: DayRange, impressions: int, clicks: int) -> None:
    """Twenty advertisers, 300 campaigns, and events spread evenly over the days."""
    with psycopg.connect(url) as connection:
        create_schema(connection)
        connection.execute(
            "INSERT INTO advertiser (name) SELECT 'Advertiser ' || n FROM generate_series(1, 20) n"
        )
        connection.execute(
            "INSERT INTO campaign (name, bid, budget, start_date, end_date, advertiser_id) "
            "SELECT 'Campaign ' || n, 0.5 + n %% 9 * 0.5, 100 + n, %s, %s, 1 + n %% 20 "
            "FROM generate_series(1, %s) n",
            [days.first, days.last, CAMPAIGNS],
        )
        for table, count in (("impressions", impressions), ("clicks", clicks)):
            connection.execute(
                f"INSERT INTO {table} (campaign_id, created_at) "
                "SELECT 1 + n %% %s, %s::timestamp + n * (interval '1 day' * %s / %s) "
                "FROM generate_series(0, %s - 1) n",
                [CAMPAIGNS, days.first, len(days), count, count],
            )
        connection.commit()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def add_impressions(url: str, day: date, count: int) -> None:
    """More rows of a day, as the source gets them."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO impressions (campaign_id, created_at) "
            "SELECT 1 + n %% %s, %s::timestamp + n * (interval '1 day' / %s) "
            "FROM generate_series(0, %s - 1) n",
            [CAMPAIGNS, day, count, count],
        )


def audited_rows(url: str) -> dict[str, Any]:
    """What csv_data_task holds, audit times aside: impressions and clicks by hour."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT datetime, impression_count, click_count FROM csv_data_task ORDER BY 1"
        ).fetchall()
    return {str(at): [impressions, clicks] for at, impressions, clicks in rows}


def _url(url: str, database: str) -> str:
    return url.replace("/operational?", f"/{database}?").replace("/analytics?", f"/{database}?")


def _database_exists(connection: psycopg.Connection, name: str) -> bool:
    found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
    return found.fetchone() is not None
