"""Dagster's own state: SQLite and logs below the data folder, wherever Dagster is started.

`dagster.yaml` names these classes. Dagster's own ones want a path there, which could only repeat
ADTECH_DATA_DIR or contradict it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self

from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.schedules import SqliteScheduleStorage
from dagster._core.storage.sqlite import create_db_conn_string
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from filelock import FileLock
from sqlalchemy import Connection

from adtech_assets import environment
from adtech_assets.defs.event_log import EventLog, make_event_log
from adtech_assets.defs.open_database import OpenDatabase, is_made
from adtech_assets.settings import load_settings


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
        environment.begin()
        base_dir = load_settings().dagster_dir / cls.folder
        return cls(base_dir=str(base_dir), inst_data=inst_data)  # type: ignore[call-arg]


class Runs(SqliteRunStorage):
    """Runs, in a database that stays open."""

    def __init__(self, conn_string: str, inst_data: ConfigurableClassData | None = None) -> None:
        """The database of this URL."""
        self._database = OpenDatabase(conn_string)
        super().__init__(conn_string, inst_data)

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A transaction in the database of the runs."""
        with self._database.transaction() as connection:
            yield connection


class Storage(BelowDataFolder, DagsterSqliteStorage):
    """Runs, events and schedules."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        """Below this folder, where Dagster's own storage has the same files."""
        # Two processes that make the same database at once would leave it with two versions.
        with FileLock(Path(base_dir) / "storage.lock"):
            self._open(base_dir, inst_data)

    def _open(self, base_dir: str, inst_data: ConfigurableClassData | None) -> None:
        history, schedules = Path(base_dir) / "history", Path(base_dir) / "schedules"
        databases = history / "runs.db", history / "runs/index.db", schedules / "schedules.db"
        if not all(map(is_made, databases)):
            make_event_log(history / "runs")
            DagsterSqliteStorage(base_dir)  # makes the others
        super(DagsterSqliteStorage, self).__init__()  # type: ignore[no-untyped-call]
        self.base_dir, self._inst_data = base_dir, inst_data
        self._run_storage = Runs(create_db_conn_string(str(history), "runs"))
        self._event_log_storage = EventLog(str(history / "runs"))
        self._schedule_storage = SqliteScheduleStorage(
            create_db_conn_string(str(schedules), "schedules")
        )


class ArtifactStorage(BelowDataFolder, LocalArtifactStorage):
    """Files that Dagster keeps for itself."""


class ComputeLogManager(BelowDataFolder, LocalComputeLogManager):
    """What the steps print."""

    folder = "logs"
