"""The sensor that tells a person what needs one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import dagster as dg

from adtech_assets.alerts import channels as sending
from adtech_assets.alerts.digest import digest
from adtech_assets.alerts.memory import Alert, Memory
from adtech_assets.alerts.standing import (
    LOOK_SECONDS,
    OF_THE_STORES,
    due_day,
    full_disks,
    of_the_stores,
)
from adtech_assets.audit.conditions import Condition
from adtech_assets.audit.status import read_status
from adtech_assets.defs.evaluations import latest_evaluations
from adtech_assets.defs.failed_runs import failed_runs
from adtech_assets.errors import TransientError, UserError
from adtech_assets.models.project import Project
from adtech_assets.settings import Settings

if TYPE_CHECKING:
    from adtech_assets.audit.conditions import What

QUEUE_SECONDS = 3600.0
"""In which a queue with something in it has to move."""


@dataclass(frozen=True)
class Watch:
    """What the alerts look at."""

    instance: dg.DagsterInstance
    """Whose runs and checks."""
    settings: Settings
    """They name the stores and the channels."""
    project: Project
    """The models, by whose versions days are stale."""
    checks: Collection[dg.AssetCheckKey]
    """That there are."""

    def tell(self, memory: Memory, now: datetime) -> tuple[dict[str, str], str]:
        """One look: tell each channel what it does not know yet.

        Args:
            memory: of the last look; it is brought up to date.
            now: with the time zone of the feed.

        Returns:
            What is wrong with channels that could not be told, by name; and, in a line, what was
            told.
        """
        channels = sending.channels(self.settings)
        if not channels:
            return {}, "ADTECH_ALERTS names nobody to tell."
        standing, unknown = self._look(memory, now)
        memory.look(standing, [channel.name for channel in channels], now.timestamp(), unknown)
        messages = {channel: memory.message(channel.name) for channel in channels}
        to_send = {channel: message for channel, message in messages.items() if message}
        problems = sending.send(to_send)
        for channel, message in to_send.items():
            if problems[channel.name] is None:
                memory.delivered(channel.name, message)
        if self.settings.alerts_digest:
            problems |= self._send_digest(memory, standing, now)
        told = next((message.title for message in to_send.values()), None)
        return (
            {channel: problem for channel, problem in problems.items() if problem},
            told or f"{len(standing)} conditions stand; nothing new.",
        )

    def _look(self, memory: Memory, now: datetime) -> tuple[list[Alert], Collection[What]]:
        """What needs a person, and of what it cannot be said."""
        not_passed = self._checks_not_passed()
        lines = {alert.condition.told for alert in not_passed}
        failed = failed_runs(self.instance, self.settings.ui_url, lines)
        days = memory.names("day not there")
        in_stores, are_known = of_the_stores(self.settings, self.project, now, days)
        if not are_known and failed:
            in_stores = []  # most likely of the same cause
        disks = full_disks(self.settings, memory.names("disk nearly full"))
        standing = [*failed, *not_passed, *self._queue_that_does_not_move(now), *disks, *in_stores]
        return standing, () if are_known else OF_THE_STORES

    def _checks_not_passed(self) -> list[Alert]:
        """Checks that did not pass, and stop or fail what they are about; others only warn."""
        found = []
        for check in latest_evaluations(self.instance, self.checks):
            if not check.passed and check.severity == "ERROR":
                line = f"{check.asset}: {check.description or f'check {check.name} failed'}"
                condition = Condition("check not passed", line)
                found.append(Alert(condition, f"{check.asset} {check.name}"))
        return found

    def _queue_that_does_not_move(self, now: datetime) -> list[Alert]:
        """Runs that wait, while for an hour none has begun or ended."""
        waiting = dg.DagsterRunStatus.QUEUED
        queued = self.instance.get_run_records(dg.RunsFilter(statuses=[waiting]), ascending=True)
        if not queued:
            return []
        since = queued[0].create_timestamp
        others = dg.RunsFilter(statuses=[each for each in dg.DagsterRunStatus if each != waiting])
        for moved in self.instance.get_run_records(others, limit=1, order_by="update_timestamp"):
            since = max(since, moved.update_timestamp)
        waited = now - since
        if waited.total_seconds() < QUEUE_SECONDS:
            return []
        runs = "run waits" if len(queued) == 1 else "runs wait"
        line = f"{len(queued):,} {runs}, and for an hour none has begun or ended"
        return [Alert(Condition("queue that does not move", line), "queue")]

    def _send_digest(
        self, memory: Memory, standing: list[Alert], now: datetime
    ) -> dict[str, str | None]:
        """Send the digest of the day to whom has not had it; problems by channel."""
        day = due_day(self.settings, now)
        due = [
            channel
            for channel in sending.channels(self.settings)
            if memory.digests.get(channel.name) != str(day)
        ]
        if not due:
            return {}
        try:
            status = read_status(self.settings, wait_seconds=LOOK_SECONDS, project=self.project)
        except (TransientError, UserError):
            return {}  # at the next look; that this cannot be known is told by itself
        others = [each.condition for each in standing if each.condition.what not in OF_THE_STORES]
        problems = sending.send(dict.fromkeys(due, digest(day, status, others)))
        memory.digests |= {
            channel: str(day) for channel, problem in problems.items() if problem is None
        }
        return problems


def build(settings: Settings) -> dg.SensorDefinition:
    """The sensor; on where there is anybody to tell."""
    is_wanted = bool(sending.channels(settings))

    @dg.sensor(
        name="alerts",
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING
        if is_wanted
        else dg.DefaultSensorStatus.STOPPED,
        description="Tells the channels of ADTECH_ALERTS what needs a person, once.",
    )
    def alerts(
        context: dg.SensorEvaluationContext,
        settings: dg.ResourceParam[Settings],
        project: dg.ResourceParam[Project],
    ) -> dg.SensorResult:
        """Look at what stands, and tell who has not been told."""
        if context.repository_def is None:
            raise ValueError("the checks are those of a repository")
        checks = context.repository_def.asset_graph.asset_check_keys
        memory = Memory.from_cursor(context.cursor)
        watch = Watch(context.instance, settings, project, checks)
        problems, told = watch.tell(memory, datetime.now(settings.zone))
        for channel, problem in problems.items():
            context.log.warning(f"Channel {channel} cannot be told: {problem}")
        return dg.SensorResult(skip_reason=told, cursor=memory.to_cursor())

    return alerts
