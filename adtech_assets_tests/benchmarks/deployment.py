"""Deployments for measuring: delivered, or loaded, and copied for each measurement."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

from adtech_assets.partitions import DayRange
from adtech_assets.settings import PROJECT_DIR
from adtech_assets_tests.benchmarks import data
from adtech_assets_tests.benchmarks.measuring import BIN, FailedError, Measured, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from adtech_assets.settings import Settings


@dataclass(frozen=True)
class Deployment:
    """Folders of a deployment with its embedded databases, and its commands."""

    folder: Path
    days: int
    """Delivered, ending on `data.LAST_DAY`."""

    @property
    def environment(self) -> dict[str, str]:
        """For its commands."""
        return {
            "ADTECH_RAW_DATA_DIR": str(self.folder / "raw_data"),
            "ADTECH_OUTPUT_DIR": str(self.folder / "output"),
            "ADTECH_DATA_DIR": str(self.folder / "data"),
            "ADTECH_SETTLE_SECONDS": "0",
            "ADTECH_START_DATE": str(self.first_days(1).first),
            "ADTECH_SOURCE_DATABASE_URL": "",
            "ADTECH_TARGET_DATABASE_URL": "",
            "DAGSTER_HOME": str(PROJECT_DIR),
        }

    @property
    def settings(self) -> Settings:
        """The same, for this process."""
        return data.bench_settings(self.folder, start_date=self.first_days(1).first)

    def first_days(self, count: int) -> DayRange:
        """The first days that were delivered."""
        first = data.LAST_DAY - timedelta(self.days - 1)
        return DayRange(first, first + timedelta(count - 1))

    def backfill(self, days: DayRange) -> Measured:
        """`adtech backfill`, the whole command."""
        command = ["backfill", "--from", str(days.first), "--to", str(days.last)]
        return self.run("adtech", *command)

    def run(self, command: str, *arguments: str) -> Measured:
        """A command of the environment."""
        return run([str(BIN / command), *arguments], self.environment)

    def dbt_build(self, days: DayRange | None = None) -> Measured:
        """What a run makes dbt do, started by hand; it opens the warehouse as it is."""
        window = (
            ["--event-time-start", str(days.first), "--event-time-end", str(days.end)]
            if days
            else []
        )
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


def delivered(name: str, days: int) -> Deployment:
    """A deployment in which nothing is loaded yet."""
    return Deployment(_copied(data.small_days(days), data.fresh(name)), days)


@cache
def loaded(days: int, of: int | None = None) -> Deployment:
    """A deployment of which the first days are loaded, by the code as it is now."""
    deployment = delivered(f"loaded-{days}-of-{of or days}", of or days)
    deployment.backfill(deployment.first_days(days))
    with data.embedded_postgres_stopped(deployment.settings):
        """What is copied must not be in use."""
    return deployment


def copied(deployment: Deployment, name: str) -> Deployment:
    """The same once more, to be changed."""
    return Deployment(_copied(deployment.folder, data.fresh(name)), deployment.days)


def _copied(source: Path, target: Path) -> Path:
    """Log files, which nobody changes in place, as links; all else as copies."""

    def link_or_copy(path: str, to: str) -> Any:
        return os.link(path, to) if path.endswith(".parquet") else shutil.copy2(path, to)

    shutil.copytree(
        source,
        target,
        copy_function=link_or_copy,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("*.lock", "postmaster.pid"),
    )
    return target
