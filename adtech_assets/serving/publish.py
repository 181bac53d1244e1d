"""Publishes marts: what BI tools read is in Postgres, schema `marts`, and always whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg import sql

from adtech_assets.stores.postgres import retried

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb
    import psycopg

    from adtech_assets.stores.postgres import Postgres

SCHEMA = "marts"
_PUBLISH_LOCK = 742_012

_POSTGRES_TYPES = {
    "DATE": "date",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "DOUBLE": "double precision",
    "VARCHAR": "text",
    "BOOLEAN": "boolean",
    "TIMESTAMP": "timestamp",
}
_BATCH_ROWS = 10_000


@dataclass(frozen=True)
class Mart:
    """A public mart: its name in both stores, its key, and its description."""

    name: str
    key: tuple[str, ...]
    description: str
    column_descriptions: dict[str, str]


@retried
def publish(
    connection: duckdb.DuckDBPyConnection, target: Postgres, marts: Sequence[Mart]
) -> dict[str, int]:
    """Replace published marts by the warehouse's, all in one transaction.

    Rows are deleted and copied, not swapped in as a new table: readers never wait, and one whose
    transaction began before the commit goes on seeing the old rows. Only a mart whose columns
    have changed is made anew.

    Returns:
        Rows published, by mart.

    Raises:
        TransientError: the database did not come back within the retries; nothing has changed.
    """
    with target.connect() as postgres, postgres.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_PUBLISH_LOCK])
        cursor.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(SCHEMA)))
        return {mart.name: _replace(connection, cursor, mart) for mart in marts}


def _replace(connection: duckdb.DuckDBPyConnection, cursor: psycopg.Cursor, mart: Mart) -> int:
    table = sql.Identifier(SCHEMA, mart.name)
    result = connection.execute(f"SELECT * FROM {SCHEMA}.{mart.name} ORDER BY ALL")
    columns = {name: _postgres_type(str(type_)) for name, type_, *_ in result.description or []}
    if _published_columns(cursor, mart.name) != columns:
        _create(cursor, mart, columns)
    else:
        cursor.execute(sql.SQL("DELETE FROM {}").format(table))
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    rows = 0
    with cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(table, names)) as copy:
        while batch := result.fetchmany(_BATCH_ROWS):
            for row in batch:
                copy.write_row(row)
            rows += len(batch)
    return rows


def _create(cursor: psycopg.Cursor, mart: Mart, columns: dict[str, str]) -> None:
    table = sql.Identifier(SCHEMA, mart.name)
    definitions = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(type_))
        for name, type_ in columns.items()
    )
    key = sql.SQL(", ").join(map(sql.Identifier, mart.key))
    cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(table))
    cursor.execute(
        sql.SQL("CREATE TABLE {} ({}, PRIMARY KEY ({}))").format(table, definitions, key)
    )
    cursor.execute(
        sql.SQL("COMMENT ON TABLE {} IS {}").format(table, sql.Literal(mart.description))
    )
    for name, description in mart.column_descriptions.items():
        if name in columns:
            column = sql.Identifier(SCHEMA, mart.name, name)
            cursor.execute(
                sql.SQL("COMMENT ON COLUMN {} IS {}").format(column, sql.Literal(description))
            )


def _published_columns(cursor: psycopg.Cursor, name: str) -> dict[str, str]:
    cursor.execute(
        """
        SELECT attname, format_type(atttypid, atttypmod)
        FROM pg_attribute
        WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped
        ORDER BY attnum
        """,
        [f"{SCHEMA}.{name}"],
    )
    aliases = {"timestamp without time zone": "timestamp"}
    return {column: aliases.get(type_, type_) for column, type_ in cursor.fetchall()}


def _postgres_type(duckdb_type: str) -> str:
    if duckdb_type.startswith("DECIMAL"):
        return duckdb_type.lower().replace("decimal", "numeric").replace(", ", ",")
    return _POSTGRES_TYPES[duckdb_type]
