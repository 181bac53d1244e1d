"""The stores as Dagster resources, and the lease by which a lost run is recognised."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
from dagster_duckdb import DuckDBResource
from filelock import FileLock, Timeout
from pydantic import PrivateAttr

from adtech_assets.stores.postgres import Postgres
from adtech_assets.stores.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from adtech_assets.settings import Settings


class WarehouseResource(DuckDBResource):
    """The DuckDB warehouse: waits for its lock, and closes the connection on exceptions too.

    While a run is going on, its process holds a lock on a file of the run's name. The kernel frees
    it with the process, so that `fail_lost_runs` can tell a lost run from a slow one.
    """

    leases: str
    _lease: FileLock | None = PrivateAttr(default=None)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Take the run's lease."""
        if context.run_id is not None:
            self._lease = FileLock(f"{self.leases}/{context.run_id}.lock", is_singleton=True)
            self._lease.acquire()

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002
        """Give the lease back: the run is over, however it went."""
        if self._lease is not None:
            self._lease.release()
            _remove(self._lease)

    @contextlib.contextmanager
    def get_connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the warehouse once it is free, and close it whatever happens."""
        with self.store.connect() as connection:
            yield connection

    @property
    def store(self) -> Warehouse:
        """The warehouse without Dagster."""
        return Warehouse(Path(self.database))


def lease_folder(settings: Settings) -> Path:
    """Where runs in progress keep their leases."""
    return settings.dagster_dir / "running"


def fail_lost_runs(instance: dg.DagsterInstance, settings: Settings) -> list[str]:
    """Mark runs as failed whose process is gone, for they would hold a place in the queue for ever.

    Dagster's default launcher cannot tell: a run that was killed with -9 stays "started".

    Returns:
        The ids of the runs that were lost.
    """
    lost = []
    for path in lease_folder(settings).glob("*.lock"):
        lease = FileLock(path)
        try:
            lease.acquire(blocking=False)
        except Timeout:
            continue  # its process is alive
        run = instance.get_run_by_id(path.stem)
        if run is not None and not run.is_finished:
            instance.report_run_failed(run, "The run's process is gone (killed, or the machine).")
            lost.append(run.run_id)
        lease.release()
        _remove(lease)
    return lost


def _remove(lease: FileLock) -> None:
    Path(lease.lock_file).unlink(missing_ok=True)


def build_resources(settings: Settings) -> dict[str, object]:
    """Every resource of the graph, on the stores that the settings name."""
    leases = lease_folder(settings)
    leases.mkdir(parents=True, exist_ok=True)
    return {
        "settings": settings,
        "warehouse": WarehouseResource(database=str(settings.warehouse_path), leases=str(leases)),
        "source": Postgres.of(settings, "source"),
        "target": Postgres.of(settings, "target"),
    }
