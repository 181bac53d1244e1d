"""Measures: seconds, processor time and memory of a piece of work, each in a process of its own.

A process of its own, so that neither caches nor memory of one measurement reach the next. What
is compared takes turns, A B A B: a machine that grows slower meanwhile is so for both.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import psutil

from adtech_assets.environment import PROJECT_DIR

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

BIN = Path(sys.executable).parent
SAMPLE_SECONDS = 0.02


class FailedError(Exception):
    """A measured command did not succeed."""


@dataclass(frozen=True)
class Measured:
    """A piece of work."""

    seconds: float
    cpu_seconds: float
    """User and system time of the process and of the children that it has waited for."""
    peak_bytes: int = 0
    """Resident memory of the process and all below it, sampled; shared pages count for each."""
    answer: dict[str, Any] = field(default_factory=dict)
    """What the work told, for comparing."""


class Clock:
    """Stops the time of the work itself: start of Python and imports do not count."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.cpu_seconds = 0.0

    def __enter__(self) -> None:
        self._cpu, self._wall = _cpu_seconds(), time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds += time.perf_counter() - self._wall
        self.cpu_seconds += _cpu_seconds() - self._cpu


def work(function: Callable[..., Any], **arguments: Any) -> Measured:
    """Call `function(clock, **arguments)` in a new process; it starts the clock itself."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        command = [
            sys.executable,
            "-m",
            __spec__.name,
            f"{function.__module__}:{function.__name__}",
        ]
        whole = run([*command, json.dumps(arguments, default=str), str(answer)])
        told = json.loads(answer.read_text())
    return Measured(told["seconds"], told["cpu_seconds"], whole.peak_bytes, told["answer"] or {})


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Measured:
    """Run a command from the project folder, start of Python included.

    Raises:
        FailedError: it failed; the message ends with what it printed.
    """
    with tempfile.TemporaryFile("w+") as output:
        before = _cpu_seconds(resource.RUSAGE_CHILDREN)
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=PROJECT_DIR,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        watch = _Watch(process.pid)
        code = process.wait()
        seconds = time.perf_counter() - started
        watch.stop()
        if code != 0:
            output.seek(0)
            raise FailedError(f"{' '.join(command)} ended with {code}:\n{output.read()[-3000:]}")
    cpu_seconds = _cpu_seconds(resource.RUSAGE_CHILDREN) - before
    return Measured(seconds, cpu_seconds, watch.peak_bytes)


def interleaved(repeats: int, **sides: Callable[[], Measured]) -> dict[str, Measured]:
    """Let each side take its turn, `repeats` times; the medians, by side."""
    taken: dict[str, list[Measured]] = {name: [] for name in sides}
    for _ in range(repeats):
        for name, measure in sides.items():
            taken[name].append(measure())
    return {name: _middle(measured) for name, measured in taken.items()}


def _middle(measured: list[Measured]) -> Measured:
    return Measured(
        median(one.seconds for one in measured),
        median(one.cpu_seconds for one in measured),
        max(one.peak_bytes for one in measured),
        measured[-1].answer,
    )


class _Watch:
    """Follows the memory of a process and of all below it."""

    def __init__(self, pid: int) -> None:
        self.peak_bytes = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, args=[psutil.Process(pid)])
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def _follow(self, process: psutil.Process) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            now = 0
            commands: dict[int, list[str]] = {}
            with suppress(psutil.Error):
                for one in [process, *process.children(recursive=True)]:
                    with suppress(psutil.Error):
                        commands[one.pid] = one.cmdline()
                        # A child that has just been forked, to start a program, is its parent's
                        # memory once more. Dagster starts four for what a run prints.
                        if commands[one.pid] != commands.get(one.ppid()):
                            now += one.memory_info().rss
            self.peak_bytes = max(self.peak_bytes, now)


def _cpu_seconds(*whose: int) -> float:
    used = map(resource.getrusage, whose or (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    """`python -m ….measuring MODULE:FUNCTION ARGUMENTS ANSWER_FILE`: the process of `work`."""
    name, arguments, answer = sys.argv[1:]
    module, function = name.split(":")
    clock = Clock()
    told = getattr(importlib.import_module(module), function)(clock, **json.loads(arguments))
    Path(answer).write_text(
        json.dumps(
            {"seconds": clock.seconds, "cpu_seconds": clock.cpu_seconds, "answer": told},
            default=str,
        )
    )


if __name__ == "__main__":
    main()
