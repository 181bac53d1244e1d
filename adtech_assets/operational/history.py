"""Keeps the history of names, bids and budgets in files too: the source knows the present only.

The dbt snapshots are the one part of the warehouse that neither the log archive nor the source
could give back, once the warehouse is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adtech_assets.errors import UserError
from adtech_assets.files import written_whole

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

SCHEMA = "snapshots"


def keep(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Write each snapshot to `<folder>/<snapshot>.parquet`, one row a version.

    Raises:
        UserError: a file has versions that the warehouse has not; it is left as it is.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415 - takes 0.1 s, and most runs keep nothing new

    for table in _snapshots(connection):
        path = folder / f"{table}.parquet"
        versions = connection.sql(f'SELECT * FROM {SCHEMA}."{table}" ORDER BY ALL').to_arrow_table()
        if path.exists() and pq.read_metadata(path).num_rows > versions.num_rows:
            raise UserError(
                f"{path} holds versions that the warehouse has not. Move the warehouse away and "
                "load your days again: it begins with this file."
            )
        with written_whole(path) as partial:
            pq.write_table(versions, partial)


def restore(connection: duckdb.DuckDBPyConnection, folder: Path) -> list[str]:
    """Fill snapshots that the warehouse does not have from the files.

    Returns:
        The names of the restored snapshots.
    """
    known = set(_snapshots(connection))
    lost = [path for path in sorted(folder.glob("*.parquet")) if path.stem not in known]
    if not lost:
        return []
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    for path in lost:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        connection.register("versions", pq.read_table(path))
        connection.execute(f'CREATE TABLE {SCHEMA}."{path.stem}" AS FROM versions')
        connection.unregister("versions")
    return [path.stem for path in lost]


def _snapshots(connection: duckdb.DuckDBPyConnection) -> list[str]:
    rows = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE schema_name = ? ORDER BY table_name", [SCHEMA]
    ).fetchall()
    return [name for (name,) in rows]
