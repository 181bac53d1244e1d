"""Metrics for Prometheus: what the stores, Dagster and the disks say when they are asked."""

from __future__ import annotations

import platform
import shutil
import threading
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import dagster as dg
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from adtech_assets.audit.conditions import What
from adtech_assets.audit.measures import read_measures
from adtech_assets.audit.status import State
from adtech_assets.defs.automation import PIPELINE, freshness
from adtech_assets.defs.retention import retention
from adtech_assets.errors import TransientError, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from adtech_assets.audit.measures import Measures
    from adtech_assets.audit.status import Status
    from adtech_assets.models.project import Project
    from adtech_assets.settings import Settings

READ_AGAIN_SECONDS = 60.0
"""The stores are read at most that often, whoever asks how often: a run waits meanwhile."""

LOOK_SECONDS = 5.0
"""How long an answer waits for a run that uses the warehouse. Then it has what was read before."""

JOBS = (PIPELINE, "__ASSET_JOB", freshness.name, retention.name)
"""Runs of the second are those that somebody has started from the asset graph of the UI."""

OUTCOMES = {
    "succeeded": dg.DagsterRunStatus.SUCCESS,
    "failed": dg.DagsterRunStatus.FAILURE,
    "canceled": dg.DagsterRunStatus.CANCELED,
}

PACKAGES = ("adtech-assets", "dagster", "dbt-core", "duckdb")


class Metrics(Collector):
    """All metrics of a deployment, worked out when they are asked for."""

    def __init__(self, instance: dg.DagsterInstance, settings: Settings, project: Project) -> None:
        """Of the runs of this instance and the stores of these settings."""
        self._instance, self._settings, self._project = instance, settings, project
        self._lock = threading.Lock()
        self._tried_at = float("-inf")
        self._read_at: float | None = None
        self._is_readable = False
        self._measures: Measures | None = None

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Each metric with its values; one question at a time."""
        with self._lock:
            self._read_stores()
            found = [*self._of_the_stores(), *self._of_dagster(), *self._of_the_disks()]
        yield from found
        yield _gauge(
            "adtech_info",
            "Versions; always 1.",
            {(*map(version, PACKAGES), platform.python_version()): 1},
            *(name.replace("-", "_") for name in PACKAGES),
            "python",
        )

    def _read_stores(self) -> None:
        if time.monotonic() - self._tried_at < READ_AGAIN_SECONDS:
            return
        try:
            self._measures = read_measures(self._settings, self._project, LOOK_SECONDS)
            self._read_at, self._is_readable = time.time(), True
        except (TransientError, UserError):
            self._is_readable = False
        self._tried_at = time.monotonic()

    def _of_the_stores(self) -> Iterator[GaugeMetricFamily]:
        yield _gauge(
            "adtech_stores_readable",
            "1 if warehouse and target could be read when they were last tried; 0 while a run has "
            "the warehouse, or one of them is out of reach.",
            {(): self._is_readable},
        )
        if self._measures is None or self._read_at is None:
            return
        measures, status = self._measures, self._measures.status
        yield _gauge(
            "adtech_stores_read_timestamp_seconds",
            "When the stores were last read. What is told of them is of that time.",
            {(): self._read_at},
        )
        yield _gauge(
            "adtech_last_loaded_day_timestamp_seconds",
            "Last day that is loaded, as its midnight in UTC.",
            {
                ("log",): _midnight(measures.loaded),
                ("operational",): _midnight(measures.extracted),
            },
            "branch",
        )
        newest = measures.newest_file
        yield _gauge(
            "adtech_newest_file_age_seconds",
            "Age of the newest log file that a run has read.",
            {(): time.time() - newest if newest else None},
        )
        yield _gauge("adtech_days", "Days by state.", _days(status), "state")
        waiting = sum(of.waiting_files for of in status.days.values())
        yield _gauge(
            "adtech_files",
            "Log files by what became of them; waiting ones are in the landing folder.",
            {(state,): number for state, number in status.files.items()} | {("waiting",): waiting},
            "state",
        )
        numbers = dict.fromkeys(get_args(What), 0)
        for condition in status.standing:
            numbers[condition.what] += 1
        yield _gauge(
            "adtech_standing",
            "What stands of days and files until somebody sees to it, by kind.",
            {(what,): number for what, number in numbers.items()},
            "what",
        )
        yield _gauge(
            "adtech_rows",
            "Rows of the warehouse's tables.",
            {(table,): number for table, number in measures.rows.items()},
            "table",
        )

    def _of_dagster(self) -> Iterator[GaugeMetricFamily]:
        queued = self._instance.get_run_records(
            dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED]), ascending=True
        )
        yield _gauge("adtech_queued_runs", "Runs that wait for their turn.", {(): len(queued)})
        oldest = queued[0].create_timestamp.timestamp() if queued else time.time()
        yield _gauge(
            "adtech_queue_age_seconds",
            "For how long the first of them has waited; 0 without any.",
            {(): time.time() - oldest if queued else 0},
        )
        yield _gauge(
            "adtech_runs",
            "Runs that have ended, as far as they are kept (ADTECH_RUN_HISTORY_DAYS).",
            {
                (job, outcome): self._instance.get_runs_count(
                    dg.RunsFilter(job_name=job, statuses=[status])
                )
                for job in JOBS
                for outcome, status in OUTCOMES.items()
            },
            "dagster_job",
            "outcome",
        )
        latest = {
            (job, outcome): record
            for job in JOBS
            for outcome, status in OUTCOMES.items()
            for record in self._instance.get_run_records(
                dg.RunsFilter(job_name=job, statuses=[status]), limit=1
            )
            if record.end_time
        }
        yield _gauge(
            "adtech_last_run_timestamp_seconds",
            "When the last run with this outcome ended.",
            {key: record.end_time for key, record in latest.items()},
            "dagster_job",
            "outcome",
        )
        yield _gauge(
            "adtech_last_run_duration_seconds",
            "How long it took.",
            {
                key: record.end_time - (record.start_time or record.end_time)
                for key, record in latest.items()
                if record.end_time
            },
            "dagster_job",
            "outcome",
        )

    def _of_the_disks(self) -> Iterator[GaugeMetricFamily]:
        folders = {
            "data": self._settings.data_dir,
            "raw_data": self._settings.raw_data_dir,
            "output": self._settings.output_dir,
        }
        disks = {
            (name,): shutil.disk_usage(folder)
            for name, folder in folders.items()
            if isinstance(folder, Path) and folder.exists()
        }
        yield _gauge(
            "adtech_disk_free_bytes",
            "Free on the disk of a folder.",
            {name: disk.free for name, disk in disks.items()},
            "folder",
        )
        yield _gauge(
            "adtech_disk_size_bytes",
            "Size of the disk of a folder.",
            {name: disk.total for name, disk in disks.items()},
            "folder",
        )


def registry(
    instance: dg.DagsterInstance, settings: Settings, project: Project
) -> CollectorRegistry:
    """What Prometheus' client serves."""
    found = CollectorRegistry()
    found.register(Metrics(instance, settings, project))
    return found


def _gauge(
    name: str,
    description: str,
    values: Mapping[Any, float | None],
    *labels: str,
) -> GaugeMetricFamily:
    """A metric with its values by the values of the labels; what is not known is left out."""
    family = GaugeMetricFamily(name, description, labels=labels)
    for key, value in values.items():
        if value is not None:
            family.add_metric(key, float(value))
    return family


def _days(status: Status) -> dict[tuple[str, ...], int]:
    """How many days are in each state; of missing ones, those that somebody might miss."""
    states = [of.state for of in status.days.values()]
    found = {state: states.count(state) for state in get_args(State)}
    found["missing"] = len(status.missed)
    return {(state,): number for state, number in found.items()}


def _midnight(day: date | None) -> float | None:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() if day else None
