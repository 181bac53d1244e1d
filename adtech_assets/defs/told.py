"""What a run's events say, in lines for a person: on the screen, and in alerts."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import dagster as dg

from adtech_assets.errors import GaveUpError, TransientError, UserError

STOPPED = "UNEXPECTED_TERMINATION"
"""Why a run failed, in Dagster's words: Dagster turns a signal into a failure of the run."""
OF_DAGSTER = "Data version mismatch for asset"
"""What Dagster warns of where two runs build the same; ours go by versions of our own."""
OWN_ERRORS = (UserError.__name__, TransientError.__name__, GaveUpError.__name__)
"""Errors whose message says what to do; what caused them is for the log."""


@dataclass
class Told:
    """What a run's events say, for the lines after it."""

    warnings: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    is_stopped: bool = False
    """A signal ended it: SIGTERM, or Ctrl-C."""
    ending: str = ""
    """What Dagster says of a run that failed; the reason, where neither a step nor a check did."""

    def hear(self, entry: dg.EventLogEntry) -> None:
        """Take in what a step or a check said."""
        event = entry.dagster_event
        if event is None:
            if entry.level == logging.WARNING and not entry.user_message.startswith(OF_DAGSTER):
                self.warnings.append(entry.user_message)
        elif event.is_step_failure:
            self.failures.append(f"{step_name(event.step_key)}: {_reason(event)}")
        elif event.event_type == dg.DagsterEventType.RUN_FAILURE:
            self.ending = one_line(event.message or "")
            data = event.job_failure_data
            reason = data.failure_reason if data else None
            self.is_stopped = reason is not None and reason.value == STOPPED
        elif event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            self._hear_check(event)

    def failed(self, what: str, otherwise: str) -> str:
        """That the run of something failed, and why, in a line.

        Args:
            what: `for 2022-05-26`.
            otherwise: what is said where neither a step nor a check has.
        """
        return f"The run {what} failed. {self.failures[0] if self.failures else otherwise}"

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
    """The asset or check that a step is about, as it is written elsewhere."""
    return (step_key or "").replace("__", "/")


def _reason(event: dg.DagsterEvent) -> str:
    data = event.step_failure_data
    if data.user_failure_data and data.user_failure_data.description:
        return one_line(data.user_failure_data.description)
    error = data.error
    while error is not None and error.cause is not None and error.cls_name not in OWN_ERRORS:
        error = error.cause
    return one_line(error.message.partition(": ")[2] or error.message) if error else "unknown"


def one_line(text: str) -> str:
    """A text without its line breaks."""
    return " ".join(text.split())
