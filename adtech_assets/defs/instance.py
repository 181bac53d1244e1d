"""Dagster's own state: SQLite and logs below the data folder, wherever Dagster is started.

`dagster.yaml` names these classes. Dagster's own ones want a path there, which could only repeat
ADTECH_DATA_DIR or contradict it.
"""

from typing import Any, ClassVar, Self

from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage

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
        base_dir = load_settings().dagster_dir / cls.folder
        return cls(base_dir=str(base_dir), inst_data=inst_data)  # type: ignore[call-arg]


class Storage(BelowDataFolder, DagsterSqliteStorage):
    """Runs, events and schedules."""


class ArtifactStorage(BelowDataFolder, LocalArtifactStorage):
    """Files that Dagster keeps for itself."""


class ComputeLogManager(BelowDataFolder, LocalComputeLogManager):
    """What the steps print."""

    folder = "logs"
