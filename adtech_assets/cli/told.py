"""What a run's events say to people: warnings and failures, a line each."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import dagster as dg

from adtech_assets.errors import GaveUpError, TransientError, UserError

STOPPED = "UNEXPECTED_TERMINATION"
"""Why a run failed, in Dagster's words: Dagster turns a signal into a failure of the run."""
OWN_ERRORS = (UserError.__name__, TransientError.__name__, GaveUpError.__name__)
"""Errors whose message says what to do; what caused them is for the log."""


@dataclass
class Told:
    """What a run's events say, for the lines after it."""

    warnings: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    is_stopped: bool = False
    """A signal ended it: SIGTERM, or Ctrl-C."""

    def hear(self, entry: dg.EventLogEntry) -> None:
        """Take in what a step or a check said."""
        event = entry.dagster_event
        if event is None:
            if entry.level == logging.WARNING:
                self.warnings.append(entry.user_message)
        elif event.is_step_failure:
            self.failures.append(f"{step_name(event.step_key)}: {_reason(event)}")
        elif event.event_type == dg.DagsterEventType.RUN_FAILURE:
            reason = event.job_failure_data.failure_reason
            self.is_stopped = reason is not None and reason.value == STOPPED
        elif event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            self._hear_check(event)

    def _hear_check(self, event: dg.DagsterEvent) -> None:
        check = event.asset_check_evaluation_data
        if check.passed:
            return
        line = f"{check.asset_key.to_user_string()}: "
        line += check.description or f"check {check.check_name} failed"
        if check.severity == dg.AssetCheckSeverity.WARN:
            self.warnings.append(line)
        else:
            self.failures.append(line)


def step_name(step_key: str | None) -> str:
    """A step as its asset is called."""
    return (step_key or "").replace("__", "/")


def one_line(text: str) -> str:
    """A text without line breaks."""
    return " ".join(text.split())


def _reason(event: dg.DagsterEvent) -> str:
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return one_line(data.user_failure_data.description)
    error = data.error
    while error is not None and error.cause is not None and error.cls_name not in OWN_ERRORS:
        error = error.cause
    return one_line(error.message.partition(": ")[2] or error.message) if error else "unknown"
