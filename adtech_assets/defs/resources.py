"""The settings and the stores as Dagster resources."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
from dagster_duckdb import DuckDBResource

from adtech_assets import log_lines
from adtech_assets.defs import leases
from adtech_assets.defs.days import run_days
from adtech_assets.stores.postgres import Postgres
from adtech_assets.stores.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from adtech_assets.models.project import Project
    from adtech_assets.settings import Settings


class WarehouseResource(DuckDBResource):
    """The DuckDB warehouse: waits for its lock, and closes the connection on exceptions too."""

    @contextlib.contextmanager
    def get_connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the warehouse once it is free, and close it whatever happens."""
        with self.store.connect() as connection:
            yield connection

    @property
    def store(self) -> Warehouse:
        """The warehouse without Dagster."""
        return Warehouse(Path(self.database))


def leased(settings: Settings) -> dg.ResourceDefinition:
    """The settings. Every step asks for them, so every run has a lease before its first one."""

    def give(context: dg.InitResourceContext) -> Settings:
        if context.run_id is not None:
            leases.take(settings, context.run_id)
            run = context.dagster_run
            log_lines.of_run(context.run_id, run_days(run.tags) if run else None)
        return settings

    return dg.ResourceDefinition(give)


def build_resources(settings: Settings, project: Project) -> dict[str, object]:
    """Every resource of the graph, on the stores that the settings name."""
    return {
        "settings": leased(settings),
        "warehouse": WarehouseResource(database=str(settings.warehouse_path)),
        "source": Postgres.of(settings, "source"),
        "target": Postgres.of(settings, "target"),
        "project": project,
    }
