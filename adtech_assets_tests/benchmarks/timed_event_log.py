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
from adtech_assets.defs.instance import EventLog

if TYPE_CHECKING:
    from collections.abc import Callable

WRITERS = ("store_event", "store_event_batch")


class Stopwatch:
    """Adds up the seconds of calls; of a call within a call, the outer one's alone."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._is_running = False

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, timed."""

        @wraps(function)
        def timed(*arguments: Any, **named: Any) -> Any:
            if self._is_running:
                return function(*arguments, **named)
            self._is_running = True
            started = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                self.seconds += time.perf_counter() - started
                self._is_running = False

        return timed


def main() -> None:
    """Run the command, then tell."""
    answer, *arguments = sys.argv[1:]
    watch = Stopwatch()
    for writer in WRITERS:
        setattr(EventLog, writer, watch.around(getattr(EventLog, writer)))
    sys.argv = ["adtech", *arguments]
    try:
        adtech()
    finally:
        Path(answer).write_text(str(watch.seconds))


if __name__ == "__main__":
    main()
