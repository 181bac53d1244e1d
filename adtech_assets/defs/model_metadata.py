"""What dagster-dbt asks of a dbt adapter for rows and columns, answered by our own connection.

dbt's adapter loads every macro of dbt first, 3.9 s of a run of 20 s, and keeps its connection open,
so that DuckDB would refuse ours, which has other settings.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple

from dbt.adapters.duckdb.relation import DuckDBRelation

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb
    from dbt.adapters.base.relation import BaseRelation


class Column(NamedTuple):
    """Name and DuckDB type of a column."""

    name: str
    data_type: str


class MetadataAdapter:
    """The part of dbt's adapter interface behind `fetch_row_counts` and `fetch_column_metadata`."""

    Relation = DuckDBRelation

    def __init__(self, warehouse: duckdb.DuckDBPyConnection) -> None:
        """Answer from this connection."""
        self._warehouse = warehouse

    @contextlib.contextmanager
    def connection_named(self, _name: str) -> Iterator[None]:
        """All names share the one connection."""
        yield

    def get_columns_in_relation(self, relation: BaseRelation) -> list[Column]:
        """The columns of a table or view, in order."""
        rows = self._warehouse.cursor().execute(
            """
            SELECT column_name, data_type FROM duckdb_columns()
            WHERE schema_name = ? AND table_name = ? AND database_name = current_database()
            ORDER BY column_index
            """,
            [relation.schema, relation.identifier],
        )
        return [Column(*row) for row in rows.fetchall()]

    def execute(self, sql: str, *, fetch: bool) -> tuple[None, list[tuple[Any, ...]]]:  # noqa: ARG002
        """The rows of a query, in the place where dbt's adapter has them."""
        return None, self._warehouse.cursor().execute(sql).fetchall()
