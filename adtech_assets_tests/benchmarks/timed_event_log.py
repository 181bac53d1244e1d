"""`adtech`, with a watch on Dagster's event log: the same command, in the same process.

    python -m adtech_assets_tests.benchmarks.timed_event_log ANSWER ARGUMENTS

ANSWER is a file that gets the seconds that the process spent writing events.
"""

from __future__ import annotations

import sys
import time
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adtech_assets.cli import main as adtech
from adtech_assets.defs.event_log import EventLog

if TYPE_CHECKING:
    from collections.abc import Callable


class Stopwatch:
    """Adds up the seconds of calls."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, timed."""

        @wraps(function)
        def timed(*arguments: Any, **named: Any) -> Any:
            started = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                self.seconds += time.perf_counter() - started

        return timed


def main() -> None:
    """Run the command, then tell."""
    answer, *arguments = sys.argv[1:]
    watch = Stopwatch()
    every_event = watch.around(EventLog.store_event_batch)
    EventLog.store_event_batch = every_event  # type: ignore[method-assign]
    sys.argv = ["adtech", *arguments]
    try:
        adtech()
    finally:
        Path(answer).write_text(str(watch.seconds))


if __name__ == "__main__":
    main()
