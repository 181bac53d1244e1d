"""Runs of the asset graph that are killed: what the children of a fork server are asked to do.

Imported by the server only: Dagster and dbt are in its memory then, and in that of its children.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import dagster as dg

from adtech_assets import cli
from adtech_assets.cli import running
from adtech_assets.partitions import DayRange
from adtech_assets.settings import load_settings
from adtech_assets_tests.hostile.killed import die

if TYPE_CHECKING:
    from collections.abc import Callable

    from dagster._core.events.log import EventLogEntry

LOG_BRANCH = "+processed_log_files"
UNTOLD = ("ASSET_MATERIALIZATION", "ASSET_MATERIALIZATION_PLANNED")


def _warm_up() -> None:
    """Import what Dagster imports late, by a run that opens no store of ours."""
    running.defs.resolve_job_def(running.JOB)
    running.selected_assets(LOG_BRANCH)

    @dg.asset
    def nothing() -> None: ...

    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize([nothing], instance=instance)


def run(first: str, last: str, select: str | None, step: int | None = None) -> None:
    """Run the graph for days; die when so many steps are over, before the next one starts.

    Dagster's own record is kept in memory, and without the materializations of each day: to
    store these takes longer than to load some small files.
    """
    dg.DagsterInstance.should_store_event = lambda _, entry: _type(entry) not in UNTOLD
    dg.DagsterInstance.get = staticmethod(dg.DagsterInstance.ephemeral)
    recorded_run(first, last, select, step)


def recorded_run(first: str, last: str, select: str | None, step: int | None = None) -> None:
    """The same with Dagster's record on disk, as the commands keep it."""
    started: list[str] = []

    def tell(key: str) -> None:
        os.write(1, f"step {key}\n".encode())
        if len(started) == step:
            die()
        started.append(key)

    _on_step_start(tell)
    running.run_days(load_settings(), DayRange.parse(first, last), select)
    if len(started) == step:
        die()


def command(*arguments: str) -> None:
    """`adtech` as a person types it."""
    sys.argv = ["adtech", *arguments]
    cli.main()


def cancel(first: str, last: str, select: str, step: str) -> None:
    """Run the graph, and cancel the run at a step as Dagster's UI does."""

    def stop(key: str) -> None:
        if key == step:
            with dg.DagsterInstance.get() as instance:
                (run,) = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
                instance.report_run_canceling(run)
            os.kill(os.getpid(), signal.SIGINT)

    _on_step_start(stop)
    running.run_days(load_settings(), DayRange.parse(first, last), select)


def _on_step_start(do: Callable[[str], None]) -> None:
    """Do something whenever Dagster notes that a step starts."""
    note = dg.DagsterInstance.handle_new_event

    def noticed(instance: dg.DagsterInstance, event: EventLogEntry, **options: object) -> None:
        note(instance, event, **options)
        if event.dagster_event is not None and event.dagster_event.is_step_start:
            do(event.step_key)

    dg.DagsterInstance.handle_new_event = noticed


def _type(entry: EventLogEntry) -> str | None:
    return entry.dagster_event.event_type_value if entry.dagster_event is not None else None


_warm_up()
