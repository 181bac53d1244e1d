"""Deployments for measuring: delivered, or loaded, and copied for each measurement."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

from adtech_assets.environment import PROJECT_DIR
from adtech_assets.partitions import DayRange
from adtech_assets.stores import embedded_postgres
from adtech_assets.stores.postgres import Postgres
from adtech_assets_tests.benchmarks import data, database_data, log_data
from adtech_assets_tests.benchmarks.measuring import BIN, FailedError, Measured, run
from adtech_assets_tests.dbt_days import days_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adtech_assets.settings import Settings

SOURCE_ROWS_A_DAY = {"impressions": 190, "clicks": 10}


@dataclass(frozen=True)
class Deployment:
    """Folders of a deployment, and its commands."""

    folder: Path
    days: DayRange
    """Delivered."""
    target_database_url: str = ""
    """Empty: both databases are embedded ones."""

    @property
    def environment(self) -> dict[str, str]:
        """For its commands."""
        return {
            "ADTECH_RAW_DATA_DIR": str(self.folder / "raw_data"),
            "ADTECH_OUTPUT_DIR": str(self.folder / "output"),
            "ADTECH_DATA_DIR": str(self.folder / "data"),
            "ADTECH_SETTLE_SECONDS": "0",
            "ADTECH_START_DATE": str(data.START_DATE),
            "ADTECH_SOURCE_DATABASE_URL": "",
            "ADTECH_TARGET_DATABASE_URL": self.target_database_url,
            "DAGSTER_HOME": str(PROJECT_DIR),
        }

    @property
    def settings(self) -> Settings:
        """The same, for this process."""
        return data.bench_settings(
            self.folder, target_database_url=self.target_database_url or None
        )

    def first_days(self, count: int) -> DayRange:
        """The first days that were delivered."""
        return DayRange(self.days.first, self.days.first + timedelta(count - 1))

    def backfill(self, days: DayRange, *options: str) -> Measured:
        """`adtech backfill`, the whole command."""
        return self.run("adtech", *_backfill_arguments(days), *options)

    def backfill_with_timed_event_log(self, days: DayRange) -> Measured:
        """The same; the answer has `event_log_share` of its time, and `state_bytes` it has left."""
        before = self.state_bytes()
        with tempfile.TemporaryDirectory() as folder:
            answer = Path(folder) / "answer"
            module = "adtech_assets_tests.benchmarks.timed_event_log"
            command = [sys.executable, "-m", module, str(answer), *_backfill_arguments(days)]
            measured = run(command, self.environment)
            share = float(answer.read_text()) / measured.seconds
        left = self.state_bytes() - before
        return replace(measured, answer={"event_log_share": share, "state_bytes": left})

    def run(self, command: str, *arguments: str) -> Measured:
        """A command of the environment."""
        return run([str(BIN / command), *arguments], self.environment)

    def state_bytes(self) -> int:
        """Size of Dagster's storage, once SQLite has taken over what its logs hold."""
        folder = self.settings.dagster_dir
        for path in folder.rglob("*.db"):
            with closing(sqlite3.connect(path)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())

    def dbt_build(self, days: DayRange) -> Measured:
        """What a run makes dbt do, started by hand; it opens the warehouse as it is."""
        # Events of a file may be on the day before or after it.
        window = [days_option(days, around=1)]
        return run(
            [str(BIN / "dbt"), "build", "--exclude-resource-type", "unit_test", *window],
            self.environment
            | {
                "DBT_PROJECT_DIR": str(PROJECT_DIR / "adtech_dbt"),
                "DBT_PROFILES_DIR": str(PROJECT_DIR / "adtech_dbt"),
                "DBT_TARGET_PATH": str(self.folder / "data" / "dbt"),
                "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            },
        )

    @contextmanager
    def databases(self) -> Iterator[dict[str, str]]:
        """URLs of the embedded databases, source and target; at the end the server has stopped."""
        try:
            yield {
                "source": Postgres.of(self.settings, "source").url(),
                "target": Postgres.of(self.settings, "target").url(),
            }
        finally:
            embedded_postgres._users_locks.pop(self.settings.data_dir / "postgres").close()
            self.wait_until_stopped()

    def wait_until_stopped(self) -> None:
        """Until no process uses the embedded databases: only then they may be copied."""
        with embedded_postgres.unused(self.settings.data_dir / "postgres", wait_seconds=60):
            """Nobody does."""

    @contextmanager
    def daemon(self) -> Iterator[None]:
        """The daemon that starts queued runs."""
        process = subprocess.Popen(
            [str(BIN / "dagster-daemon"), "run", "-w", "workspace.yaml"],
            cwd=PROJECT_DIR,
            env=os.environ | self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()

    @contextmanager
    def instance(self) -> Iterator[DagsterInstance]:
        """Dagster's storage of the deployment, seen from this process."""
        before = dict(os.environ)
        os.environ.update(self.environment)
        try:
            with DagsterInstance.get() as instance:
                yield instance
        finally:
            os.environ.clear()
            os.environ.update(before)

    def backfill_by_daemon(self, days: DayRange, patience_seconds: float) -> Measured:
        """A Dagster backfill of the job, one queued run a day, until the last has succeeded."""
        with self.daemon(), self.instance() as instance:
            before = instance.get_runs_count()
            self.run(
                "dagster", "job", "backfill", "-j", "daily_pipeline", "-w", "workspace.yaml",
                "--from", str(days.first), "--to", str(days.last), "--noprompt",
            )  # fmt: skip
            started = time.perf_counter()
            done = RunsFilter(statuses=[DagsterRunStatus.SUCCESS])
            failed = RunsFilter(statuses=[DagsterRunStatus.FAILURE])
            while instance.get_runs_count(done) < before + len(days):
                waited = time.perf_counter() - started
                if instance.get_runs_count(failed) or waited > patience_seconds:
                    raise FailedError(f"the daemon's runs have not succeeded in {waited:.0f} s")
                time.sleep(0.2)
            return Measured(time.perf_counter() - started, 0.0)


def _backfill_arguments(days: DayRange) -> list[str]:
    return ["backfill", "--from", str(days.first), "--to", str(days.last)]


# ---- in a state to begin with --------------------------------------------------------------------


def made(count: int) -> Deployment:
    """That many days, delivered and entered, kept for every run of the benchmark.

    A day has 48 files, an impressions and a clicks file an hour, and 200 rows in the source.
    """
    days = DayRange(data.LAST_DAY - timedelta(count - 1), data.LAST_DAY)

    def make(folder: Path) -> None:
        log_data.write_hourly(folder / "raw_data", days)
        with Deployment(folder, days).databases() as urls:
            rows = {table: count * a_day for table, a_day in SOURCE_ROWS_A_DAY.items()}
            database_data.fill_source(urls["source"], days, **rows)

    return Deployment(data.made_once(f"days-of-48-files-{count}", make), days)


def delivered(name: str, count: int) -> Deployment:
    """A deployment in which nothing is loaded yet."""
    return copied(made(count), name)


@cache
def loaded(count: int, of: int | None = None) -> Deployment:
    """A deployment of which the first days are loaded, by the code as it is now."""
    deployment = delivered(f"loaded-{count}-of-{of or count}", of or count)
    deployment.backfill(deployment.first_days(count))
    deployment.wait_until_stopped()
    return deployment


def copied(deployment: Deployment, name: str) -> Deployment:
    """The same once more, to be changed: log files, which nobody changes in place, as links."""

    def link_or_copy(path: str, to: str) -> Any:
        return os.link(path, to) if path.endswith(".parquet") else shutil.copy2(path, to)

    folder = data.fresh(name)
    shutil.copytree(
        deployment.folder,
        folder,
        copy_function=link_or_copy,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("*.lock", "postmaster.pid"),
    )
    return replace(deployment, folder=folder)
