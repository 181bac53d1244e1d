"""`dagster dev` with a guard and the report before its UI; `adtech dev` runs this.

Dagster has no place for a middleware or a page, so the process of the webserver is exchanged for
one that adds them. What its processes print goes to a file; the terminal has a line for each run.
These are private names of Dagster's, whose version is pinned; a test asks the UI.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from typing import TYPE_CHECKING, Any, TextIO

from starlette.middleware import Middleware
from starlette.responses import FileResponse, PlainTextResponse
from starlette.routing import Route

from adtech_assets.cli.dev import DEV_LOG, REPORT_PATH
from adtech_assets.cli.guard import Guard
from adtech_assets.settings import load_settings
from adtech_assets.stores.outputs import REPORT_NAME

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

WEBSERVER = "webserver"
"""First argument of the process that is the webserver."""


def run_dev(log: Path) -> None:
    """Run `dagster dev` with this process' arguments; what its processes print is in the log."""
    terminal = _output_to(log)
    from dagster._cli import dev

    from adtech_assets.cli.run_lines import tell_runs

    start = dev.open_ipc_subprocess  # type: ignore[attr-defined]

    def start_guarded(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401
        if "dagster_webserver" in command:
            after = list(command).index("dagster_webserver") + 1
            command = [sys.executable, "-m", __spec__.name, WEBSERVER, *command[after:]]
        return start(command, **options)

    dev.open_ipc_subprocess = start_guarded  # type: ignore[assignment,attr-defined]
    threading.Thread(target=tell_runs, args=[terminal], daemon=True).start()
    dev.dev_command()


def _output_to(log: Path) -> TextIO:
    """Send what this process and its children print to a file; what the terminal is now."""
    terminal = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    with log.open("w", encoding="utf-8") as output:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(output.fileno(), stream.fileno())
    return terminal


def run_webserver(host: str) -> None:
    """Run `dagster-webserver` with this process' arguments, behind the guard."""
    from dagster_webserver.cli import main
    from dagster_webserver.webserver import DagsterWebserver

    unguarded, without_report = DagsterWebserver.build_middleware, DagsterWebserver.build_routes

    def build_middleware(server: Any) -> list[Middleware]:  # noqa: ANN401
        return [Middleware(Guard, names=[host, socket.gethostname()]), *unguarded(server)]

    def build_routes(server: Any) -> list[Any]:  # noqa: ANN401
        return [Route(REPORT_PATH, report), *without_report(server)]  # type: ignore[no-untyped-call]

    # Uvicorn would want more processes, which need the application by its name, and end at once.
    os.environ.pop("WEB_CONCURRENCY", None)
    DagsterWebserver.build_middleware = build_middleware  # type: ignore[assignment,method-assign]
    DagsterWebserver.build_routes = build_routes  # type: ignore[method-assign]
    main()  # type: ignore[no-untyped-call]


def report(_: Request) -> Response:
    """The page as the last run has left it."""
    page = load_settings().exports_dir / REPORT_NAME
    if not page.exists():
        return PlainTextResponse("There is no report yet: load some days first.", status_code=404)
    return FileResponse(page)


if __name__ == "__main__":
    if sys.argv[1] == WEBSERVER:
        del sys.argv[1]
        run_webserver(sys.argv[sys.argv.index("--host") + 1])
    else:
        run_dev(load_settings().dagster_dir / DEV_LOG)
