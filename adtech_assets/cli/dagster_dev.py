"""`dagster dev` with a guard before its UI; `adtech dev` runs this.

Dagster has no place for a middleware, so the process of the webserver is exchanged for one that
adds it. These are private names of Dagster's, whose version is pinned; a test asks the UI.
"""

from __future__ import annotations

import os
import socket
import sys
from typing import TYPE_CHECKING, Any

from starlette.middleware import Middleware

from adtech_assets.cli.guard import Guard

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence

WEBSERVER = "webserver"
"""First argument of the process that is the webserver."""


def run_dev() -> None:
    """Run `dagster dev` with this process' arguments."""
    from dagster._cli import dev

    start = dev.open_ipc_subprocess  # type: ignore[attr-defined]

    def start_guarded(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401
        if "dagster_webserver" in command:
            after = list(command).index("dagster_webserver") + 1
            command = [sys.executable, "-m", __spec__.name, WEBSERVER, *command[after:]]
        return start(command, **options)

    dev.open_ipc_subprocess = start_guarded  # type: ignore[assignment,attr-defined]
    dev.dev_command()


def run_webserver(host: str) -> None:
    """Run `dagster-webserver` with this process' arguments, behind the guard."""
    from dagster_webserver.cli import main
    from dagster_webserver.webserver import DagsterWebserver

    unguarded = DagsterWebserver.build_middleware

    def build_middleware(server: Any) -> list[Middleware]:  # noqa: ANN401
        return [Middleware(Guard, names=[host, socket.gethostname()]), *unguarded(server)]

    # Uvicorn would want more processes, which need the application by its name, and end at once.
    os.environ.pop("WEB_CONCURRENCY", None)
    DagsterWebserver.build_middleware = build_middleware  # type: ignore[assignment,method-assign]
    main()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    if sys.argv[1] == WEBSERVER:
        del sys.argv[1]
        run_webserver(sys.argv[sys.argv.index("--host") + 1])
    else:
        run_dev()
