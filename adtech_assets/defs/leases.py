"""Leases: by them a run whose process is gone is told from a slow one.

The process of a run holds a lock on a file of the run's name. The kernel frees it with the process.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import dagster as dg
from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from pathlib import Path

    from adtech_assets.settings import Settings

STARTED = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
IN_PROGRESS = [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, *STARTED]
"""A run has its lease some moments before Dagster calls it started."""

SECONDS_WITHOUT = 30
"""A run without a lease is lost if it started longer ago: it takes one at once."""

_held: dict[str, FileLock] = {}
"""By run. They are kept until the process ends: a run that has given back its lease, and has not
noted its end yet, would look lost."""


def take(settings: Settings, run_id: str) -> None:
    """Take the lease of a run that this process executes."""
    if run_id not in _held:
        _folder(settings).mkdir(parents=True, exist_ok=True)
        _held[run_id] = FileLock(_path(settings, run_id))
        _held[run_id].acquire()


def fail_lost_runs(instance: dg.DagsterInstance, settings: Settings) -> list[str]:
    """Mark runs as failed whose process is gone, for they would hold a place in the queue for ever.

    Dagster's default launcher cannot tell: a run that was killed with -9 stays "started".

    Returns:
        The ids of the runs that were lost.
    """
    lost = []
    for record in instance.get_run_records(dg.RunsFilter(statuses=IN_PROGRESS)):
        run_id = record.dagster_run.run_id
        if _is_gone(record, _path(settings, run_id)):
            run = instance.get_run_by_id(run_id)
            # It may have ended since the list was made.
            if run is not None and not run.is_finished:
                reason = "The run's process is gone (killed, or the machine)."
                instance.report_run_failed(run, reason)
                lost.append(run_id)
    _remove_old(instance, settings)
    return lost


def _is_gone(record: dg.RunRecord, lease: Path) -> bool:
    if lease.exists():
        return _is_free(lease)
    started_at = record.start_time or time.time()
    return record.dagster_run.status in STARTED and time.time() - started_at > SECONDS_WITHOUT


def _is_free(lease: Path) -> bool:
    try:
        with FileLock(lease, blocking=False):
            return True
    except Timeout:
        return False


def _remove_old(instance: dg.DagsterInstance, settings: Settings) -> None:
    for lease in _folder(settings).glob("*.lock"):
        run = instance.get_run_by_id(lease.stem)
        if (run is None or run.is_finished) and _is_free(lease):
            lease.unlink(missing_ok=True)


def _path(settings: Settings, run_id: str) -> Path:
    return _folder(settings) / f"{run_id}.lock"


def _folder(settings: Settings) -> Path:
    return settings.dagster_dir / "running"
