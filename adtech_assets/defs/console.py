"""What runs print on the console, as JSON.

Dagster takes another logger than its own only if each run's configuration says so, which backfills
of the UI have no place for. So its default is exchanged; the version is pinned, a test looks at it.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from dagster._core.execution import context_creation_job
from dagster._core.utils import coerce_valid_log_level

from adtech_assets import log_lines


@dg.logger({"name": str, "log_level": str}, description="JSON, with run and day.")
def json_console(context: dg.InitLoggerContext) -> logging.Logger:
    """A logger of its own that writes JSON on standard error."""
    level = coerce_valid_log_level(context.logger_config["log_level"])
    found = logging.getLoggerClass()(context.logger_config["name"], level=level)
    found.addHandler(log_lines.handler())
    return found


def log_json() -> None:
    """Let the runs of this process, and our own loggers in it, write JSON."""
    log_lines.show_own()
    replaced: Any = context_creation_job
    default = replaced.default_system_loggers

    def json_loggers(
        instance: dg.DagsterInstance | None,
    ) -> Sequence[tuple[dg.LoggerDefinition, Mapping[str, object]]]:
        return [(json_console, config) for _, config in default(instance)]

    replaced.default_system_loggers = json_loggers
