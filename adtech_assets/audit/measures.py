"""What can be measured in the stores, for whoever watches them from outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adtech_assets.audit.status import Status, judge, opened

if TYPE_CHECKING:
    from datetime import date

    import duckdb

    from adtech_assets.models.project import Project
    from adtech_assets.settings import Settings

MEASURED_SCHEMAS = ("raw", "rollup", "snapshots", "billing", "marts")


@dataclass(frozen=True)
class Measures:
    """One look at the stores."""

    status: Status
    extracted: date | None
    """Last day that was copied from the operational database."""
    newest_file: float | None
    """When the newest file that a run has read was written, in seconds since 1970."""
    rows: dict[str, int]
    """Of each table of the warehouse, by `schema.table`."""

    @property
    def loaded(self) -> date | None:
        """Last day of which log files are loaded, if not the latest."""
        return max((day for day, of in self.status.days.items() if of.loaded_at), default=None)


def read_measures(settings: Settings, project: Project, wait_seconds: float) -> Measures:
    """Look at the stores.

    Args:
        settings: name them.
        project: the models, by whose versions days are stale too.
        wait_seconds: how long to wait for a run that uses the warehouse.

    Raises:
        TransientError: a store is in use or unreachable.
    """
    with opened(settings, wait_seconds) as (connection, target):
        status = judge(connection, target, settings, project=project)
        if connection is None:
            return Measures(status, None, None, {})
        rows = _rows(connection)
        return Measures(
            status,
            extracted=_latest(connection, "max(event_date)", "raw.extracted_days", rows),
            newest_file=_latest(connection, "max(modified_ns) / 1e9", "raw.log_files", rows),
            rows=rows,
        )


def _rows(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    tables = connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() "
        "WHERE list_contains(?, schema_name) ORDER BY ALL",
        [list(MEASURED_SCHEMAS)],
    ).fetchall()
    found = {}
    for schema, table in tables:
        [(number,)] = connection.execute(f'SELECT count(*) FROM "{schema}"."{table}"').fetchall()
        found[f"{schema}.{table}"] = number
    return found


def _latest(
    connection: duckdb.DuckDBPyConnection, what: str, table: str, rows: dict[str, int]
) -> Any:  # noqa: ANN401 - a day or a number, as DuckDB gives it
    if not rows.get(table):
        return None
    [(found,)] = connection.execute(f"SELECT {what} FROM {table}").fetchall()
    return found
