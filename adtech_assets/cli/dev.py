"""Dagster's UI and daemon on the stores of the settings."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from adtech_assets import files
from adtech_assets.cli.screen import screen
from adtech_assets.environment import PROJECT_DIR
from adtech_assets.errors import UserError

if TYPE_CHECKING:
    from adtech_assets.settings import Settings

STOP_SECONDS = 60

REPORT_PATH = "/report"
"""Of the report, on the server of the UI."""

DEV_LOG = "dev.log"
"""In the folder of Dagster's state: what its processes print."""

_NOTED = 'DAGSTER_HOME="${DAGSTER_HOME:-'


def serve(settings: Settings, host: str, port: int, expose_postgres: int | None = None) -> None:
    """Run until Ctrl-C or SIGTERM.

    Args:
        settings: name the stores.
        host: where the UI listens.
        port: of the UI.
        expose_postgres: a port of this machine for the embedded Postgres, if it is to have one.

    Raises:
        UserError: it runs already for this data folder, or the port is taken.
    """
    lock = FileLock(settings.data_dir / "dev.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise UserError(
            f"adtech dev runs already for {settings.data_dir}. Stop it first, or set another "
            "ADTECH_DATA_DIR."
        ) from None
    with lock:
        _check_port(host, port, "--port")
        if expose_postgres is not None:
            _expose_postgres(settings, expose_postgres)
        _start_embedded_stores(settings)
        screen.print(
            f"Dagster UI: [bold]http://{host}:{port}[/]  (Ctrl-C stops it)\n"
            f"Sensor new_log_files watches {settings.raw_data_dir}; "
            f"the schedule runs at 00:00 {settings.timezone}.\n"
            f"Report: [bold]http://{host}:{port}{REPORT_PATH}[/]  "
            f"Log: {settings.dagster_dir / DEV_LOG}",
            soft_wrap=True,
        )
        _run_dagster(settings, host, port)


def _run_dagster(settings: Settings, host: str, port: int) -> None:
    command = [
        *(sys.executable, "-m", "adtech_assets.cli.dagster_dev"),
        *("-w", str(PROJECT_DIR / "workspace.yaml")),
        *("-h", host, "-p", str(port), "--log-level", "warning"),
        *("--code-server-log-level", "warning"),
    ]
    # A script that starts us in the background lets us ignore Ctrl-C. Dagster's processes,
    # which inherit that, could then not be stopped at all.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup wants it
        signal.signal(signal.SIGHUP, signal.default_int_handler)
    settings.dagster_dir.mkdir(exist_ok=True)
    server = subprocess.Popen(
        command,
        # Not in the project folder: Dagster would put the `.env` there above the environment.
        cwd=settings.dagster_dir,
        env=os.environ
        | {
            "PYTHONWARNINGS": "ignore",
            "ADTECH_REPORT_URL": settings.report_url or REPORT_PATH,
        },
        process_group=0,  # Ctrl-C comes from us, once: a second one would cut the first short
    )
    try:
        code = server.wait()
    except KeyboardInterrupt:
        server.send_signal(signal.SIGINT)
        code = _stopped(server)
    if code not in (0, -signal.SIGINT, -signal.SIGTERM):
        raise UserError(
            f"Dagster stopped with exit code {code}. Its log: {settings.dagster_dir / DEV_LOG}"
        )


def _stopped(server: subprocess.Popen[bytes]) -> int:
    try:
        return server.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        raise UserError(f"Dagster did not stop within {STOP_SECONDS} s; it was killed.") from None


def _expose_postgres(settings: Settings, port: int) -> None:
    """Let tools of this machine read the published tables."""
    from adtech_assets.stores import embedded_postgres

    if settings.target_database_url is not None:
        raise UserError(
            "ADTECH_TARGET_DATABASE_URL names a server of your own: let your tools connect to that."
        )
    _check_port(embedded_postgres.HOST, port, "--expose-postgres")
    url = embedded_postgres.exposed_url(settings.data_dir / "postgres", "analytics", port)
    screen.print(f"Postgres, to read: {url}", soft_wrap=True, markup=False)


def _check_port(host: str, port: int, option: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UserError(
                f"Port {port} on {host} is not free ({error.strerror}). "
                f"Choose another: adtech dev {option} {port + 1}"
            ) from None


def _start_embedded_stores(settings: Settings) -> None:
    """Hold the embedded Postgres for as long as the UI runs: no run has to start it."""
    from adtech_assets.stores.postgres import Postgres

    for role, url in (
        ("source", settings.source_database_url),
        ("target", settings.target_database_url),
    ):
        if url is None:
            Postgres.of(settings, role).url()  # type: ignore[arg-type]


def note_dagster_home(path: Path = PROJECT_DIR / ".env") -> None:
    """Write DAGSTER_HOME to `.env`, which Dagster's own commands read when started there.

    As a default, for Dagster lets `.env` win over the environment. A line that somebody else has
    written stays.
    """
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    ours = (_NOTED, f"DAGSTER_HOME={path.parent}")
    kept = [line for line in lines if not line.startswith(ours)]
    if not any(line.startswith("DAGSTER_HOME=") for line in kept):
        kept.append(f'{_NOTED}{path.parent}}}"')
    if kept != lines:
        with files.written_whole(path) as partial:
            partial.write_text("\n".join(kept) + "\n", encoding="utf-8")
            if path.exists():
                shutil.copymode(path, partial)  # it may hold passwords
