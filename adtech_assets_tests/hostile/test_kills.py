"""Hostile faults: runs that are killed, stopped or cancelled, and what the next run makes of it."""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
import signal
import time
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import dagster as dg
import psycopg
import pytest

from adtech_assets.logs.reader import RAW_TABLES
from adtech_assets.partitions import DayRange
from adtech_assets.sample.log_files import generate_log_files
from adtech_assets.serving.query import read_only_query
from adtech_assets.settings import PROJECT_DIR, load_settings
from adtech_assets_tests.hostile import killed
from adtech_assets_tests.hostile.forks import ForkServer, environment
from adtech_assets_tests.hostile.log_branch import load_days
from adtech_assets_tests.logs.feed import random_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from adtech_assets.serving.query import StoreName
    from adtech_assets.settings import Settings
    from adtech_assets_tests.hostile.forks import Ended

KILLS = int(os.environ.get("ADTECH_TEST_KILLS", "12"))
"""At random moments, at the least; `make test-hostile` makes 100."""

RUNS = "adtech_assets_tests.hostile.killed_runs"
"""By name only: the server imports it, the tests need not."""

LOG_BRANCH = "+processed_log_files"
FIRST = date(2022, 6, 1)
TWO_DAYS = DayRange(FIRST, FIRST + timedelta(1))
THIRTY_DAYS = DayRange(FIRST, FIRST + timedelta(29))


@dataclass
class Stores:
    """A deployment's folders and databases, at one place for all tests of the module."""

    settings: Settings

    def clear(self) -> None:
        """Begin anew, but for Dagster's own folder, in which the server has its place."""
        for folder in (self.settings.raw_data_dir, self.settings.output_dir):
            shutil.rmtree(folder, ignore_errors=True)
        self.settings.raw_data_dir.mkdir()
        for path in self.settings.data_dir.glob("*"):
            if path.is_file():
                path.unlink()
            elif path != self.settings.dagster_dir:
                shutil.rmtree(path)
        for url in (self.settings.source_database_url, self.settings.target_database_url):
            with psycopg.connect(url.get_secret_value(), autocommit=True) as connection:
                connection.execute(
                    "DROP SCHEMA IF EXISTS marts CASCADE; DROP SCHEMA public CASCADE; "
                    "CREATE SCHEMA public"
                )

    def deliver(self, files: Iterable[Path]) -> None:
        for file in files:
            shutil.copyfile(file, self.settings.raw_data_dir / file.name)

    def query(self, store: StoreName, query: str) -> list[tuple[object, ...]]:
        return read_only_query(self.settings, store, query)[1]

    def tables(self) -> dict[str, object]:
        """Everything that two equal deployments have in common: no times, no ids."""
        raw = " UNION ALL ".join(
            f"SELECT '{table}', file_name, events.* EXCLUDE file_id FROM {table} AS events "
            "JOIN raw.log_files USING (file_id)"
            for table in RAW_TABLES.values()
        )
        return {
            "ledger": self.query(
                "warehouse",
                "SELECT kind, file_name, sha256, bytes, rows, file_date, file_hour, status, reason "
                "FROM raw.log_files ORDER BY ALL",
            ),
            "raw": self.query("warehouse", f"{raw} ORDER BY ALL"),
            "rollup": self.query("warehouse", "FROM rollup.hourly_user_agent_rollup ORDER BY ALL"),
            "csv_data_task": self.query(
                "target",
                "SELECT datetime, impression_count, click_count FROM csv_data_task ORDER BY 1",
            ),
            "load_audit": self.query(
                "target",
                "SELECT day, user_agent, row_count, impression_count, click_count, file_count, "
                "files_fingerprint FROM load_audit ORDER BY 1",
            ),
            "output": _contents(self.settings.output_dir),
            "archive": _contents(self.settings.archive_dir),
            "quarantine": sorted(
                path.name for path in self.settings.quarantine_dir.rglob("*.parquet")
            ),
            "landing": _contents(self.settings.raw_data_dir),
        }


def _contents(folder: Path) -> dict[str, str]:
    """All files below a folder, hidden and unfinished ones too, with a hash of their bytes."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def stores(tmp_path_factory, databases) -> Stores:
    folder = tmp_path_factory.mktemp("killed")
    settings = load_settings(
        raw_data_dir=folder / "raw_data",
        output_dir=folder / "output",
        data_dir=folder / "data",
        source_database_url=databases["source"],
        target_database_url=databases["target"],
        settle_seconds=0,
        user_agent="*",
    )
    stores = Stores(settings)
    stores.clear()
    return stores


@pytest.fixture(scope="module")
def server(stores) -> Iterator[ForkServer]:
    """Forks runs of the asset graph on these stores."""
    variables = environment(stores.settings) | {
        "DAGSTER_HOME": str(PROJECT_DIR),
        "PYTHONWARNINGS": "ignore",
    }
    log = stores.settings.raw_data_dir.with_name("log")
    with ForkServer(RUNS, killed.__name__, log=log, environment=variables) as server:
        yield server


def run(server: ForkServer, days: DayRange, *options: object, **kill: float) -> Ended:
    return server.run(
        f"{RUNS}:run", str(days.first), str(days.last), LOG_BRANCH, *options, **kill
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[Path]:
    """Two days, a file of each kind an hour; at the end a broken one, and one under two names."""
    folder = tmp_path_factory.mktemp("files")
    good = generate_log_files(folder, list(TWO_DAYS), events_per_day=90, ctr=0.6)
    again = folder / "impressions_2022060123_copy.parquet"
    shutil.copyfile(good[3], again)
    broken = folder / "clicks_2022060205.parquet"
    random_bytes(broken)
    return [file for file in good if file != good[3]] + [broken, good[3], again]


@pytest.fixture(scope="module")
def undisturbed(stores, files) -> dict[str, object]:
    """What one run makes of the files of two days."""
    stores.clear()
    stores.deliver(files)
    load_days(stores.settings, TWO_DAYS)
    tables = stores.tables()
    assert tables["landing"] == {}
    assert len(tables["archive"]) == len(files) - 1
    assert tables["quarantine"] == [files[-3].name]
    return tables


# ---- 61: kill -9 -------------------------------------------------------------------------------


def test_h61_a_run_killed_between_any_two_steps_is_completed_by_the_next(
    stores, server, files, undisturbed
):
    stores.clear()
    stores.deliver(files)
    steps = re.findall("^step (.*)$", run(server, TWO_DAYS).output, re.MULTILINE)
    assert stores.tables() == undisturbed
    assert {"raw__impression_logs", "csv_data_task", "processed_log_files"} <= set(steps)

    stores.clear()
    stores.deliver(files[-3:])
    # From the last step to the first: what a kill leaves must wait for the last run, because the
    # runs between end before they get there. Each run has files of its own to lose.
    for step in reversed(range(len(steps) + 1)):
        stores.deliver(files[step : -3 : len(steps) + 1])
        ended = run(server, TWO_DAYS, step)
        assert ended.was_killed, ended.output
    ended = run(server, TWO_DAYS)

    assert ended.code == 0, ended.output
    assert stores.tables() == undisturbed
