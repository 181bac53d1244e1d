"""How our processes log: lines of text, or of JSON with run and day."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from adtech_assets.errors import UserError

_run: dict[str, str] = {}
"""Of this process: it executes one run, or none."""


def of_run(run_id: str, days: object) -> None:
    """Say which run this process executes, and for which days; None if it has none."""
    _run.update({"run": run_id} | ({"day": str(days)} if days else {}))


@lru_cache(1)
def is_json() -> bool:
    """Whether ADTECH_LOG_FORMAT wants JSON; settings that cannot be read are told as text."""
    from adtech_assets.settings import read_settings  # noqa: PLC0415 - `adtech --help` needs none

    try:
        return read_settings().log_format == "json"
    except UserError:
        return False


class JsonLines(logging.Formatter):
    """A JSON object a record, in a line: time (UTC), level, logger, message, run, day, step, error.

    `day` is a day, or a range like 2022-05-26..2022-05-28; what is not known is left out.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        of_dagster: dict[str, Any] = getattr(record, "dagster_meta", {})
        fields = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": of_dagster.get("orig_message") or record.getMessage(),
            **_run,
            "step": of_dagster.get("step_key"),
            "error": (
                self.formatException(record.exc_info)
                if record.exc_info
                else _error_of(of_dagster.get("dagster_event"))
            ),
        }
        return json.dumps(
            {name: value for name, value in fields.items() if value is not None},
            ensure_ascii=False,
        )


def _error_of(event: Any) -> str | None:  # noqa: ANN401 - Dagster's, of which nothing is known here
    """The stack traces of a step or run that failed."""
    error = getattr(getattr(event, "event_specific_data", None), "error", None)
    return error.to_string() if error else None


class Lines(logging.Formatter):
    """Text or JSON, whichever is set when the first record comes."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line."""
        return JsonLines().format(record) if is_json() else super().format(record)


def handler() -> logging.Handler:
    """Writes such lines on standard error."""
    lines = logging.StreamHandler()
    lines.setFormatter(Lines("%(message)s"))
    return lines


def show_own() -> None:
    """Show what our own loggers say, from INFO on: of waits and retries of the stores."""
    own = logging.getLogger("adtech_assets")
    if not own.handlers:
        own.addHandler(handler())
    own.setLevel(logging.INFO)
