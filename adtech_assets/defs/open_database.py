"""A SQLite database of Dagster's that stays open."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from dagster._core.storage.sql import create_engine
from sqlalchemy import Connection, event

BUSY_SECONDS = 60
"""How long a statement waits for another process that writes."""


class OpenDatabase:
    """A database that is opened when it is needed first, and kept open.

    Dagster's own storage opens the file anew for each statement. Kept open, an event takes 3 ms of
    processor time instead of 12, and a run of the pipeline has 500 of them.
    """

    def __init__(self, url: str) -> None:
        """Open nothing yet."""
        self._engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
        event.listen(self._engine, "connect", _without_waiting_for_the_disk)
        self._lock = threading.RLock()
        self._connection: Connection | None = None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction; one within another of the same thread is a part of it."""
        with self._lock:
            if self._connection is not None:
                yield self._connection
                return
            with self._engine.begin() as connection:
                self._connection = connection
                try:
                    yield connection
                finally:
                    self._connection = None


def is_made(path: Path) -> bool:
    """Whether a database of Dagster's has its tables: they are stamped with a version, at the end.

    Dagster's own storage has alembic look, which reads 89 scripts for it, 0.1 s for each database.
    """
    if not path.exists():
        return False
    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
        try:
            return connection.execute("SELECT 1 FROM alembic_version").fetchone() is not None
        except sqlite3.OperationalError:
            return False


def _without_waiting_for_the_disk(connection: sqlite3.Connection, _: object) -> None:
    """Sync at checkpoints only: a run commits 500 times, and waited 3 ms for each.

    The databases are in WAL mode: a killed process loses nothing so, a power cut the last events
    of a run, which nothing is counted by.
    """
    connection.execute("PRAGMA synchronous = NORMAL")
