"""Runs that failed for good: which of them nobody will ask for again, and what made others good."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.storage.tags import SCHEDULE_NAME_TAG

from adtech_assets.alerts.memory import FORGOTTEN_SECONDS, Alert
from adtech_assets.audit.conditions import Condition
from adtech_assets.defs.days import DELIVERY_TAG, NIGHT_TAG, run_days
from adtech_assets.defs.told import Told

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import date

ASKED_AGAIN_SECONDS = 900.0
"""For which a delivery or a night may fail: its runs come at once, then after 1, 2, 4 … minutes."""

MOST_RUNS = 1000
"""That are looked at, the latest."""

NEVER_TOLD = ("freshness",)
"""Jobs that only ask what the alerts ask themselves."""

PATIENCE = {"retention": 36 * 3600.0}
"""Of jobs for which the next night is soon enough."""

TELLING = {
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.RUN_FAILURE,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
}


@dataclass(frozen=True)
class Failed:
    """A run that failed, and has not been made good by another one."""

    run: dg.DagsterRun
    days: frozenset[date]
    """Of the run, as far as no other run has loaded them since."""

    @property
    def name(self) -> str:
        """What was to be done; whoever tries again and fails is of the same name."""
        selected = sorted(key.to_user_string() for key in self.run.asset_selection or ())
        days = run_days(self.run.tags)
        return " ".join([self.run.job_name, str(days or ""), *selected]).strip()

    def after(self, done: dg.DagsterRun) -> Failed | None:
        """What is left of it after a run that has succeeded."""
        schedule = self.run.tags.get(SCHEDULE_NAME_TAG)
        if schedule is not None and done.tags.get(SCHEDULE_NAME_TAG) == schedule:
            return None
        if not _has_built(done, self.run):
            return self
        left = self.days - set(run_days(done.tags) or ())
        return Failed(self.run, left) if left else None


def _has_built(done: dg.DagsterRun, failed: dg.DagsterRun) -> bool:
    """Whether a run has built all that another one was to build, days aside."""
    built, wanted = done.asset_selection or set(), failed.asset_selection or set()
    if not built:  # all of its job
        return done.job_name == failed.job_name or bool(wanted)
    return bool(wanted) and wanted <= built


def failed_runs(instance: dg.DagsterInstance, ui_url: str, checks: Collection[str]) -> list[Alert]:
    """Runs that need a person, the oldest first.

    A run that a person has stopped needs none.

    Args:
        instance: whose runs.
        ui_url: where its UI is.
        checks: lines of checks that are told by themselves, as the reason of a failure.
    """
    records = instance.get_run_records(
        dg.RunsFilter(
            statuses=[dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE],
            updated_after=datetime.now(UTC) - timedelta(seconds=FORGOTTEN_SECONDS),
        ),
        limit=MOST_RUNS,
    )
    ended = sorted(records, key=lambda record: record.end_time or 0)
    found = []
    for failed in standing(record.dagster_run for record in ended):
        told = Told()
        for entry in instance.all_logs(failed.run.run_id, of_type=TELLING):
            told.hear(entry)
        if told.is_stopped or (told.failures and told.failures[0] in checks):
            continue
        found.append(_alert(failed, told, ui_url))
    return found


def standing(ended: Iterable[dg.DagsterRun]) -> list[Failed]:
    """Which failures stand after these runs, that ended in this order."""
    found: dict[str, Failed] = {}
    for run in ended:
        if run.is_success:
            left = {name: failed.after(run) for name, failed in found.items()}
            found = {name: failed for name, failed in left.items() if failed is not None}
        elif run.job_name not in NEVER_TOLD:
            failed = Failed(run, frozenset(run_days(run.tags) or ()))
            found[failed.name] = failed
    return list(found.values())


def _alert(failed: Failed, told: Told, ui_url: str) -> Alert:
    run, days = failed.run, run_days(failed.run.tags)
    line = told.failed(f"for {days}" if days else f"of {run.job_name}", told.ending)
    is_asked_again = not run.tags.keys().isdisjoint((DELIVERY_TAG, NIGHT_TAG))
    patience = PATIENCE.get(run.job_name, ASKED_AGAIN_SECONDS if is_asked_again else 0.0)
    return Alert(
        Condition("failed run", line), failed.name, patience, f"{ui_url}/runs/{run.run_id}"
    )
