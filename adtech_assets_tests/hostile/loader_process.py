"""The log branch without Dagster, which takes seconds to load: for processes of their own.

`python -m adtech_assets_tests.hostile.loader_process DAY...` loads one day after the other, once it
is told to, on the stores that the environment names.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from adtech_assets.contract import KINDS
from adtech_assets.feed.ingest import Ingest
from adtech_assets.feed.ledger import Ledger
from adtech_assets.load import audited_load, daily_csv
from adtech_assets.load.processed import clear_landing
from adtech_assets.partitions import DayRange
from adtech_assets.rollup import counting, facts, hourly
from adtech_assets.settings import load_settings
from adtech_assets.stores import identity
from adtech_assets.stores.postgres import Postgres
from adtech_assets.stores.warehouse import Warehouse, transaction

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from adtech_assets.settings import Settings


def run(settings: Settings, days: DayRange, warehouse: Warehouse | None = None) -> None:
    """Load days step by step; the warehouse is free between two steps, as in a run of the graph."""
    warehouse = warehouse or Warehouse.of(settings)
    target = Postgres.of(settings, "target")
    for kind in KINDS:
        with warehouse.connect() as connection:
            Ingest(connection, settings, kind, days, "run").run()
    with warehouse.connect() as connection:
        connection.execute(facts.ROLLUP.schema)
        with transaction(connection):
            counting.rebuild(connection, facts.ROLLUP, days)
    with warehouse.connect() as connection:
        files = Ledger(connection).day_files(days)
        counts = hourly.hourly_counts(connection, days, settings.user_agent)
        whose = identity.of(connection)
    of_day = {day: [count for count in counts if count.day == day] for day in days}
    for day in files:
        daily_csv.write(settings.output_dir, day, of_day[day])
    loads = [audited_load.DayLoad(day, of_day[day], files.get(day)) for day in days]
    audited_load.replace_days(
        target, loads, warehouse=whose, user_agent=settings.user_agent, run_id="run"
    )
    with target.connect(read_only=True) as postgres:
        audits = audited_load.audits(postgres, days)
    with warehouse.connect() as connection:
        fingerprints = {day: audit.files_fingerprint for day, audit in audits.items()}
        clear_landing(connection, settings, fingerprints)


def start(settings: Settings, days: Iterable[date]) -> subprocess.Popen[str]:
    """Start a process that loads one day after the other; it begins when it is written to."""
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, *map(str, days)],
        env=os.environ | environment(settings),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


def environment(settings: Settings) -> dict[str, str]:
    """The settings as another process reads them, passwords included."""
    values = {
        **settings.model_dump(),
        "source_database_url": settings.source_database_url.get_secret_value(),
        "target_database_url": settings.target_database_url.get_secret_value(),
    }
    return {f"ADTECH_{name.upper()}": str(value) for name, value in values.items()}


def main(days: list[str]) -> None:
    """Wait for a line, then load the days."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    settings = load_settings()
    print("ready", flush=True)  # noqa: T201
    sys.stdin.readline()
    for day in days:
        run(settings, DayRange.parse(day, day))


if __name__ == "__main__":
    main(sys.argv[1:])
