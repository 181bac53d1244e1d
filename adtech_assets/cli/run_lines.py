"""A line for each run that has ended, while `adtech dev` goes on."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg
from rich.console import Console
from rich.markup import escape

from adtech_assets.defs.days import run_days
from adtech_assets.defs.told import Told

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

LOOK_SECONDS = 2

ENDED = {
    dg.DagsterRunStatus.SUCCESS: "[green]succeeded[/]",
    dg.DagsterRunStatus.FAILURE: "[red]failed[/]",
    dg.DagsterRunStatus.CANCELED: "[yellow]was stopped[/]",
}
FAILURES = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.ASSET_CHECK_EVALUATION}


def tell_runs(terminal: TextIO) -> None:
    """Print them for as long as this process lives."""
    screen = Console(file=terminal, highlight=False)
    with dg.DagsterInstance.get() as instance:
        ended = Ended(instance)
        while True:
            for line in ended.lines():
                screen.print(line, soft_wrap=True)
            time.sleep(LOOK_SECONDS)


class Ended:
    """The runs that have ended since one began to look."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        """Look from now on."""
        self._instance = instance
        self._since = datetime.now(UTC)
        self._told: set[str] = set()

    def lines(self) -> Iterator[str]:
        """One for each that has ended since the last time: when, what, and how."""
        filters = dg.RunsFilter(statuses=list(ENDED), updated_after=self._since)
        for record in sorted(
            self._instance.get_run_records(filters), key=lambda record: record.end_time or 0
        ):
            # What is changed of a run once it has ended, its tags, is no end.
            if (record.end_time or 0) >= self._since.timestamp() and (
                record.dagster_run.run_id not in self._told
            ):
                self._told.add(record.dagster_run.run_id)
                yield self._line(record)

    def _line(self, record: dg.RunRecord) -> str:
        run = record.dagster_run
        ended_at = datetime.fromtimestamp(record.end_time or 0).astimezone()
        what = run.job_name if run.job_name[:2] != "__" else "assets"
        days = run_days(run.tags)
        seconds = (record.end_time or 0) - (record.start_time or record.end_time or 0)
        line = f"{ended_at:%Y-%m-%d %H:%M:%S}  {what}{f' {days}' if days else ''} "
        line += f"{ENDED[run.status]} after {seconds:,.0f} s"
        why = self._why(run.run_id) if run.status is dg.DagsterRunStatus.FAILURE else ""
        return line + (f": {escape(why)}" if why else "")

    def _why(self, run_id: str) -> str:
        told = Told()
        for entry in self._instance.all_logs(run_id, of_type=FAILURES):
            told.hear(entry)
        return told.failures[0] if told.failures else ""
