"""Dagster's UI and daemon on the stores of the settings."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from adtech_assets.cli.screen import screen
from adtech_assets.errors import UserError
from adtech_assets.settings import PROJECT_DIR

if TYPE_CHECKING:
    from adtech_assets.settings import Settings

STOP_SECONDS = 60


def serve(settings: Settings, host: str, port: int) -> None:
    """Run until Ctrl-C or SIGTERM.

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
        _check_port(host, port)
        _start_embedded_stores(settings)
        screen.print(
            f"Dagster UI: [bold]http://{host}:{port}[/]  (Ctrl-C stops it)\n"
            f"Sensor new_log_files watches {settings.raw_data_dir}; "
            f"the schedule runs at 00:00 {settings.timezone}."
        )
        command = [
            *(str(Path(sys.executable).with_name("dagster")), "dev", "-w", "workspace.yaml"),
            *("-h", host, "-p", str(port), "--log-level", "warning"),
            *("--code-server-log-level", "warning"),
        ]
        server = subprocess.Popen(
            command, cwd=PROJECT_DIR, env=os.environ | {"PYTHONWARNINGS": "ignore"}
        )
        signal.signal(signal.SIGTERM, lambda *_: server.send_signal(signal.SIGINT))
        try:
            code = server.wait()
        except KeyboardInterrupt:
            # The terminal has sent Ctrl-C to the server too.
            code = server.wait(timeout=STOP_SECONDS)
        if code not in (0, -signal.SIGINT, -signal.SIGTERM):
            raise UserError(f"Dagster stopped with exit code {code}.")


def _check_port(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UserError(
                f"Port {port} on {host} is not free ({error.strerror}). "
                f"Choose another: adtech dev --port {port + 1}"
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


def note_dagster_home() -> None:
    """Write DAGSTER_HOME to `.env`, which Dagster's own commands read when started here."""
    path = PROJECT_DIR / ".env"
    lines = path.read_text().splitlines() if path.exists() else []
    kept = [line for line in lines if not line.startswith("DAGSTER_HOME=")]
    content = "\n".join([*kept, f"DAGSTER_HOME={PROJECT_DIR}"]) + "\n"
    if content != "\n".join([*lines, ""]):
        path.write_text(content)
