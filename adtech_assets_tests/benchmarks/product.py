"""The product's own functions that are measured: called here, and nowhere else.

All else is measured through its commands. A change of how the product is called is made here.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from adtech_assets.contract import KINDS
from adtech_assets.feed.ledger import DayFiles, Ledger
from adtech_assets.load import audited_load, daily_csv
from adtech_assets.load.processed import clear_landing
from adtech_assets.operational import snapshot
from adtech_assets.publish.publication import Mart
from adtech_assets.publish.publication import publish as publish_marts
from adtech_assets.rollup import counting, facts, hourly
from adtech_assets.stores import identity
from adtech_assets.stores.postgres import Postgres
from adtech_assets.stores.warehouse import Warehouse, transaction

if TYPE_CHECKING:
    from datetime import date

    import duckdb

    from adtech_assets.partitions import DayRange
    from adtech_assets.settings import Settings

RUN_ID = "benchmark"

HourCount = hourly.HourCount
"""Day, hour, impressions, clicks."""

MART = Mart("bench_mart", ("campaign_id", "event_date"), "Rows to publish.", {})


def ingest(connection: duckdb.DuckDBPyConnection, settings: Settings, days: DayRange) -> None:
    """Log files to rows: hashed, checked, noted in the ledger.

    Raises:
        AssertionError: a file was not loaded.
    """
    # Imported here because its readers take memory, which that of the extract is not to include.
    from adtech_assets.feed.ingest import Ingest

    for kind in KINDS:
        result = Ingest(connection, settings, kind, days, RUN_ID).run()
        if result.quarantined or result.duplicates:
            raise AssertionError(f"{result.quarantined[:3]} {result.duplicates[:3]}")


def roll_up(connection: duckdb.DuckDBPyConnection, days: DayRange) -> None:
    """Rows to hourly counts of each user agent."""
    connection.execute(facts.ROLLUP.schema)
    with transaction(connection):
        counting.rebuild(connection, facts.ROLLUP, days)


def write_csv(connection: duckdb.DuckDBPyConnection, settings: Settings, days: DayRange) -> None:
    """Hourly counts to a CSV a day."""
    by_day: dict[date, list[HourCount]] = defaultdict(list)
    for count in hourly.hourly_counts(connection, days, settings.user_agent):
        by_day[count.day].append(count)
    for day in Ledger(connection).day_files(days):
        daily_csv.write(settings.output_dir, day, by_day[day])


def load_csv(connection: duckdb.DuckDBPyConnection, settings: Settings, days: DayRange) -> None:
    """CSVs to the audited table."""
    files = Ledger(connection).day_files(days)
    loads = [
        audited_load.DayLoad(day, daily_csv.read(settings.output_dir, day), files[day])
        for day in days
    ]
    _replace_days(settings, loads, identity.of(connection))


def load_counts(settings: Settings, days: DayRange, counts: dict[date, list[HourCount]]) -> None:
    """Counts to the audited table, as if a file of each kind an hour had been loaded."""
    files = DayFiles(48, "files")
    loads = [audited_load.DayLoad(day, counts[day], files) for day in days]
    _replace_days(settings, loads, identity.Identity("benchmark", "here"))


def archive(connection: duckdb.DuckDBPyConnection, settings: Settings, days: DayRange) -> None:
    """Loaded files leave the landing folder."""
    files = Ledger(connection).day_files(days)
    clear_landing(
        connection, settings, {day: counted.fingerprint for day, counted in files.items()}
    )


def extract(settings: Settings, days: DayRange) -> None:
    """All four tables of one instant into the warehouse, and the source's own counts."""
    source = Postgres.of(settings, "source")
    with Warehouse.of(settings).connect() as connection:
        snapshot.extract(connection, source, days, snapshot.RAW_TABLES, RUN_ID)


def source_columns() -> dict[str, str]:
    """The columns that the extract reads, by source table, for a select list."""
    return {source.table: source.columns_sql() for source in snapshot.SOURCES.values()}


def publish(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """`marts.bench_mart` to the table of the same name in the target."""
    publish_marts(connection, Postgres.of(settings, "target"), [MART])


def _replace_days(
    settings: Settings, loads: list[audited_load.DayLoad], warehouse: identity.Identity
) -> None:
    audited_load.replace_days(
        Postgres.of(settings, "target"),
        loads,
        warehouse=warehouse,
        user_agent=settings.user_agent,
        run_id=RUN_ID,
    )
