"""Dagster's own state: SQLite and logs below the data folder, wherever Dagster is started.

`dagster.yaml` names these classes. Dagster's own ones want a path there, which could only repeat
ADTECH_DATA_DIR or contradict it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.root import LocalArtifactStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage

from adtech_assets.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dagster._serdes import ConfigurableClassData


class Storage(DagsterSqliteStorage):
    """Runs, events and schedules."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """No configuration."""
        return {}

    @classmethod
    def from_config_value(
        cls,
        inst_data: ConfigurableClassData | None,
        config_value: Mapping[str, Any],
    ) -> Self:
        """Below ADTECH_DATA_DIR."""
        return cls(str(load_settings().dagster_dir), inst_data=inst_data)


class ArtifactStorage(LocalArtifactStorage):
    """Files that Dagster keeps for itself."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """No configuration."""
        return {}

    @classmethod
    def from_config_value(
        cls,
        inst_data: ConfigurableClassData | None,
        config_value: Mapping[str, Any],
    ) -> Self:
        """Below ADTECH_DATA_DIR."""
        return cls(str(load_settings().dagster_dir), inst_data=inst_data)


class ComputeLogManager(LocalComputeLogManager):
    """What the steps print."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """No configuration."""
        return {}

    @classmethod
    def from_config_value(
        cls,
        inst_data: ConfigurableClassData | None,
        config_value: Mapping[str, Any],
    ) -> Self:
        """Below ADTECH_DATA_DIR."""
        return cls(str(load_settings().dagster_dir / "logs"), inst_data=inst_data)
