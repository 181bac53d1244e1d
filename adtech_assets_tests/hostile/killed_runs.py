"""Runs of the asset graph that are killed: what the children of a fork server are asked to do.

Imported by the server only: Dagster and dbt are in its memory then, and in that of its children.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import dagster as dg

from adtech_assets import cli, settings
from adtech_assets.cli import running
from adtech_assets.defs.automation import PIPELINE
from adtech_assets.partitions import DayRange
from adtech_assets.settings import load_settings
from adtech_assets_tests.hostile.killed import die

if TYPE_CHECKING:
    from collections.abc import Callable

    from dagster._core.events.log import EventLogEntry

    from adtech_assets.settings import Settings

LOG_BRANCH = "+processed_log_files"
UNTOLD = ("ASSET_MATERIALIZATION", "ASSET_MATERIALIZATION_PLANNED")


def _warm_up() -> None:
    """Import what Dagster imports late, by a run that opens no store of ours."""
    running.defs.resolve_job_def(PIPELINE)
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
    replaced: Any = dg.DagsterInstance
    replaced.should_store_event = lambda _, entry: _type(entry) not in UNTOLD
    replaced.get = staticmethod(dg.DagsterInstance.ephemeral)
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


def stopped_command(step: str, *arguments: str) -> None:
    """The same; the process gets SIGTERM when a step starts."""

    def stop(key: str) -> None:
        if key == step:
            os.kill(os.getpid(), signal.SIGTERM)

    _on_step_start(stop)
    command(*arguments)


def early_stopped_command(*arguments: str) -> None:
    """The same; the process gets SIGTERM before Dagster has been asked for anything."""

    def stop(_settings: Settings) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    replaced: Any = settings
    replaced.export_settings = stop
    command(*arguments)


def cancelled(step: str, first: str, last: str, select: str) -> None:
    """Run the graph, and at a step cancel the run as Dagster's UI does; tell its status."""
    with dg.DagsterInstance.get() as instance:

        def cancel(key: str) -> None:
            if key == step:
                (run,) = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
                instance.report_run_canceling(run)
                os.kill(os.getpid(), signal.SIGINT)

        _on_step_start(cancel)
        try:
            running.run_days(load_settings(), DayRange.parse(first, last), select)
        finally:
            (run,) = instance.get_runs(limit=1)
            os.write(1, f"status {run.status.value}\n".encode())


def _on_step_start(do: Callable[[str], None]) -> None:
    """Do something whenever Dagster notes that a step starts."""
    replaced: Any = dg.DagsterInstance
    note = replaced.handle_new_event

    def noticed(instance: dg.DagsterInstance, event: EventLogEntry, **options: object) -> None:
        note(instance, event, **options)
        if event.dagster_event is not None and event.dagster_event.is_step_start:
            do(event.step_key or "")

    replaced.handle_new_event = noticed


def _type(entry: EventLogEntry) -> str | None:
    return entry.dagster_event.event_type_value if entry.dagster_event is not None else None


_warm_up()
