"""A process that has imported everything once, and forks a child for each run.

To import Dagster, dbt and Polars takes ten times as long as to load some files, so a hundred
runs to be killed cannot begin with it. The server itself never opens a store nor starts a thread:
its children are as good as new processes.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import SecretStr

from adtech_assets.environment import PROJECT_DIR
from adtech_assets.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import Self

POLL_SECONDS = 0.002


def environment(settings: Settings) -> dict[str, str]:
    """An environment of nothing but these settings, which `load_settings` reads again."""
    values = {f"ADTECH_{name.upper()}": getattr(settings, name) for name in Settings.model_fields}
    return os.environ | {
        name: value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in values.items()
        if value is not None
    }


@dataclass(frozen=True)
class Ended:
    """How a child ended."""

    code: int
    """Exit code; -N when signal N killed it."""
    seconds: float
    output: str

    @property
    def was_killed(self) -> bool:
        return self.code == -signal.SIGKILL


class ForkServer:
    """The server, seen from a test."""

    def __init__(
        self,
        *modules: str,
        log: Path,
        environment: Mapping[str, str] | None = None,
        project: Path = PROJECT_DIR,
    ) -> None:
        """Start it; it imports the modules, of the project or of a copy of it.

        What the children print goes through `log`.
        """
        self.log = log
        self.process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(log), *modules],
            cwd=project,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.process.communicate()

    def run(
        self,
        function: str,
        *arguments: object,
        after: float | None = None,
        send: signal.Signals = signal.SIGKILL,
    ) -> Ended:
        """Call `module:function` in a new child, and wait for its end.

        With `after`, a child that lives longer than so many seconds gets a signal.
        """
        request = {"function": function, "arguments": arguments, "after": after, "send": send}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        return Ended(**answer, output=self.log.read_text(errors="replace"))


def serve(log: str, *modules: str) -> None:
    """Fork a child for each line of the standard input, one at a time."""
    for module in modules:
        importlib.import_module(module)
    for line in sys.stdin:
        request = json.loads(line)
        started_at = time.monotonic()
        child = os.fork()
        if child == 0:
            _call(log, request["function"], request["arguments"])
        after, send = request["after"], request["send"]
        done, status = os.waitpid(child, os.WNOHANG if after is not None else 0)
        while not done:
            if after is not None and time.monotonic() - started_at > after:
                os.kill(child, send)
                done, status = os.waitpid(child, 0)
            else:
                time.sleep(POLL_SECONDS)
                done, status = os.waitpid(child, os.WNOHANG)
        code = os.waitstatus_to_exitcode(status)
        sys.stdout.write(
            json.dumps({"code": code, "seconds": time.monotonic() - started_at}) + "\n"
        )
        sys.stdout.flush()


def _call(log: str, name: str, arguments: list[object]) -> None:
    """Be the child: never return to the server's loop."""
    code = 1
    try:
        # Dagster has changed them in the server.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        for number, path, flags in (
            (0, os.devnull, os.O_RDONLY),
            (1, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
        ):
            opened = os.open(path, flags, 0o644)
            os.dup2(opened, number)
        os.dup2(1, 2)
        module, _, function = name.partition(":")
        getattr(importlib.import_module(module), function)(*arguments)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - whatever it is belongs into the log
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(*sys.argv[1:])
