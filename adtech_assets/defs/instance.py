"""Dagster's own state: SQLite and logs below the data folder, wherever Dagster is started.

`dagster.yaml` names these classes. Dagster's own ones want a path there, which could only repeat
ADTECH_DATA_DIR or contradict it.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Self

from dagster import AssetKey, EventLogEntry
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.sql import create_engine
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from filelock import FileLock
from sqlalchemy import Connection, Engine, event

from adtech_assets.settings import load_settings

SQLITE_WAIT_SECONDS = 60
"""How long a statement waits for another process that writes."""

OPEN_DATABASES = 16
"""SQLite files that a process keeps open: each run has one for its events."""


class BelowDataFolder:
    """A part of Dagster's instance that needs no configuration but its folder."""

    folder: ClassVar[str] = "."

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """No configuration."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: object, _config_value: object) -> Self:
        """Below ADTECH_DATA_DIR."""
        base_dir = load_settings().dagster_dir / cls.folder
        return cls(base_dir=str(base_dir), inst_data=inst_data)  # type: ignore[call-arg]


class OpenDatabases:
    """SQLite databases that stay open between statements.

    Dagster's own storage opens the file anew for each event. Kept open, an event takes 3 ms of
    processor time instead of 12, and a run of the pipeline has 300 of them.
    """

    def __init__(self) -> None:
        """Open nothing yet."""
        self._engine = lru_cache(OPEN_DATABASES)(self._new_engine)

    @staticmethod
    def _new_engine(url: str) -> Engine:
        engine = create_engine(url, connect_args={"timeout": SQLITE_WAIT_SECONDS})
        event.listen(engine, "connect", _without_waiting_for_the_disk)
        return engine

    @contextmanager
    def transaction(self, url: str) -> Iterator[Connection]:
        """A transaction in the database of this URL."""
        with self._engine(url).begin() as connection:
            yield connection


def _without_waiting_for_the_disk(connection: sqlite3.Connection, _: object) -> None:
    """Sync at checkpoints only: a run commits 1,700 times, and waited 3 ms for each.

    The databases are in WAL mode: a killed process loses nothing so, a power cut the last events
    of a run, which nothing is counted by.
    """
    connection.execute("PRAGMA synchronous = NORMAL")


class EventLog(SqliteEventLogStorage):
    """Events, in databases that stay open."""

    def __init__(self, base_dir: str) -> None:
        """One file a run below this folder, and one for all."""
        self._databases = OpenDatabases()
        super().__init__(base_dir)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        url = self.conn_string_for_shard(shard)
        if shard not in self._initialized_dbs:
            with super()._connect(shard):
                """Makes the tables."""
        with self._db_lock, self._databases.transaction(url) as connection:
            yield connection

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """What a step did to its partitions, in one transaction a database.

        An asset's row is written for its last event only, as Dagster's own storage for Postgres
        does.
        """
        statements = [self.prepare_insert_event(entry) for entry in events]
        with self.run_connection(events[0].run_id) as connection:
            for statement in statements:
                connection.execute(statement)
        last: dict[AssetKey | None, tuple[EventLogEntry, int]] = {}
        with self.index_transaction() as connection:
            keys = [connection.execute(insert).inserted_primary_key for insert in statements]
            ids = [int(key[0]) for key in keys if key is not None]
            self._store_asset_event_tags(connection, events, ids)
            for entry, event_id in zip(events, ids, strict=True):
                last[entry.get_dagster_event().asset_key] = entry, event_id
            for entry, event_id in last.values():
                self._store_asset_event(connection, entry, event_id)


class Runs(SqliteRunStorage):
    """Runs, in a database that stays open."""

    def __init__(self, conn_string: str, inst_data: ConfigurableClassData | None = None) -> None:
        """The database of this URL."""
        self._databases = OpenDatabases()
        super().__init__(conn_string, inst_data)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A transaction in the database of the runs."""
        with self._databases.transaction(self._conn_string) as connection:
            yield connection


class Storage(BelowDataFolder, DagsterSqliteStorage):
    """Runs, events and schedules."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        """Below this folder, where Dagster's own storage has the same files."""
        # Two processes that make the same database at once would leave it with two versions.
        with FileLock(Path(base_dir) / "storage.lock"):
            self._open(base_dir, inst_data)

    def _open(self, base_dir: str, inst_data: ConfigurableClassData | None) -> None:
        super().__init__(base_dir, inst_data)
        history = Path(base_dir) / "history"
        self._run_storage = Runs.from_local(str(history))
        self._event_log_storage = EventLog(str(history / "runs"))


class ArtifactStorage(BelowDataFolder, LocalArtifactStorage):
    """Files that Dagster keeps for itself."""


class ComputeLogManager(BelowDataFolder, LocalComputeLogManager):
    """What the steps print."""

    folder = "logs"
