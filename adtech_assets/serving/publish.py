"""Publishes marts: what BI tools read is in Postgres, schema `marts`, and always whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import psycopg
from psycopg import sql

from adtech_assets.errors import UserError
from adtech_assets.stores.postgres import retried

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    "TIMESTAMP": "timestamp without time zone",
}
_BATCH_ROWS = 10_000


@dataclass(frozen=True)
class Mart:
    """A public mart: its name in both stores, its key, and its description."""

    name: str
    key: tuple[str, ...]
    description: str
    column_descriptions: dict[str, str]
    has_every_day: bool = False
    """One row or more, by `event_date`, for every day that the warehouse knows."""


@retried
def publish(
    connection: duckdb.DuckDBPyConnection, target: Postgres, marts: Sequence[Mart]
) -> dict[str, int]:
    """Replace published marts by the warehouse's, all in one transaction.

    Rows are deleted and copied, not swapped in as a new table: readers never wait, grants and
    views that others have made stay, and who began to read before the commit goes on seeing the
    old rows. Only a mart whose columns or key have changed is made anew, with the same grants.

    Returns:
        Rows published, by mart.

    Raises:
        TransientError: the database did not come back within the retries; nothing has changed.
        UserError: a mart is not in the warehouse, lacks days that are published, or cannot be made
            anew because somebody's view depends on it; nothing has changed.
    """
    with target.connect() as postgres, postgres.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_PUBLISH_LOCK])
        # IF NOT EXISTS would ask for a privilege even where it is there.
        cursor.execute("SELECT to_regnamespace(%s) IS NULL", [SCHEMA])
        if cursor.fetchone() == (True,):
            cursor.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(SCHEMA)))
        return {mart.name: _replace(connection, cursor, mart) for mart in marts}


def _replace(connection: duckdb.DuckDBPyConnection, cursor: psycopg.Cursor, mart: Mart) -> int:
    try:
        result = connection.execute(f"SELECT * FROM {SCHEMA}.{mart.name} ORDER BY ALL")
    except duckdb.CatalogException as error:
        raise UserError(
            f"{SCHEMA}.{mart.name} is not in the warehouse. Build the models first: "
            "adtech backfill --help"
        ) from error
    if mart.has_every_day:
        _refuse_to_forget(connection.cursor(), cursor, mart)
    columns = {
        str(name): _postgres_type(mart, str(name), str(type_))
        for name, type_, *_ in result.description or []
    }
    if _published_columns(cursor, mart) == list(columns.items()):
        cursor.execute(sql.SQL("DELETE FROM {}").format(_table(mart)))
    else:
        grants = _grants(cursor, mart)
        _create(cursor, mart, columns)
        for grant in grants:
            cursor.execute(grant)
    _describe(cursor, mart, columns)
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    rows = 0
    with cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(_table(mart), names)) as copy:
        while batch := result.fetchmany(_BATCH_ROWS):
            for row in batch:
                copy.write_row(row)
            rows += len(batch)
    return rows


def _refuse_to_forget(
    warehouse: duckdb.DuckDBPyConnection, cursor: psycopg.Cursor, mart: Mart
) -> None:
    """Stop when published days would vanish: a lost warehouse begins anew with the days of a run.

    What a mart totals over all days would be as wrong, so no mart of the transaction is published.
    """
    cursor.execute(
        "SELECT 1 FROM pg_attribute "
        "WHERE attrelid = to_regclass(%s) AND attname = 'event_date' AND NOT attisdropped",
        [_table(mart).as_string()],
    )
    if cursor.fetchone() is None:
        return
    cursor.execute(sql.SQL("SELECT DISTINCT event_date FROM {}").format(_table(mart)))
    published = {day for (day,) in cursor}
    days = warehouse.execute(f"SELECT DISTINCT event_date FROM {SCHEMA}.{mart.name}").fetchall()
    lost = sorted(published - {day for (day,) in days})
    if lost:
        raise UserError(
            f"{SCHEMA}.{mart.name} is published with {len(lost)} days that the warehouse does not "
            "have: it was lost, and has begun anew. Nothing was published. Load them again: "
            f"adtech backfill --from {lost[0]} --to {lost[-1]}. If they are gone for good, delete "
            f"them from {SCHEMA}.{mart.name} first."
        )


def _table(mart: Mart) -> sql.Identifier:
    return sql.Identifier(SCHEMA, mart.name)


def _published_columns(cursor: psycopg.Cursor, mart: Mart) -> list[tuple[str, str]] | None:
    """Names and types, in order; None where there is no table of this key."""
    table = _table(mart).as_string()
    cursor.execute(
        """
        SELECT attname::text
        FROM pg_index
        JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)
        WHERE indrelid = to_regclass(%s) AND indisprimary
        ORDER BY array_position(indkey::int2[], attnum)
        """,
        [table],
    )
    if tuple(name for (name,) in cursor) != mart.key:
        return None
    cursor.execute(
        """
        SELECT attname, format_type(atttypid, atttypmod)
        FROM pg_attribute
        WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped
        ORDER BY attnum
        """,
        [table],
    )
    return cursor.fetchall()


def _grants(cursor: psycopg.Cursor, mart: Mart) -> list[bytes]:
    """The statements that give others what they may do with the table now."""
    cursor.execute(
        """
        SELECT format(
            'GRANT %%s ON %%s TO %%s%%s',
            privilege_type,
            oid::regclass,
            CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' END
        )
        FROM pg_class, aclexplode(relacl)
        WHERE oid = to_regclass(%s) AND grantee <> relowner
        """,
        [_table(mart).as_string()],
    )
    return [statement.encode() for (statement,) in cursor]


def _create(cursor: psycopg.Cursor, mart: Mart, columns: dict[str, str]) -> None:
    definitions = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(type_))
        for name, type_ in columns.items()
    )
    key = sql.SQL(", ").join(map(sql.Identifier, mart.key))
    try:
        cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(_table(mart)))
    except psycopg.errors.DependentObjectsStillExist as error:
        raise UserError(
            f"{SCHEMA}.{mart.name} has new columns, but others depend on its old ones: "
            f"{' '.join((error.diag.message_detail or '').split())}. Nothing was published. "
            "Drop them, publish again, and create them anew."
        ) from error
    cursor.execute(
        sql.SQL("CREATE TABLE {} ({}, PRIMARY KEY ({}))").format(_table(mart), definitions, key)
    )


def _describe(cursor: psycopg.Cursor, mart: Mart, columns: dict[str, str]) -> None:
    """Write the descriptions that the table does not have yet."""
    cursor.execute(
        "SELECT objsubid, description FROM pg_description "
        "WHERE classoid = 'pg_class'::regclass AND objoid = to_regclass(%s)",
        [_table(mart).as_string()],
    )
    written: dict[int, str] = dict(cursor.fetchall())
    if written.get(0) != mart.description:
        cursor.execute(sql.SQL("COMMENT ON TABLE {} IS {}").format(_table(mart), mart.description))
    for number, name in enumerate(columns, start=1):
        description = mart.column_descriptions.get(name)
        if description is not None and written.get(number) != description:
            column = sql.Identifier(SCHEMA, mart.name, name)
            cursor.execute(sql.SQL("COMMENT ON COLUMN {} IS {}").format(column, description))


def _postgres_type(mart: Mart, column: str, duckdb_type: str) -> str:
    if duckdb_type.startswith("DECIMAL"):
        return duckdb_type.lower().replace("decimal", "numeric").replace(", ", ",")
    if duckdb_type not in _POSTGRES_TYPES:
        raise UserError(
            f"{SCHEMA}.{mart.name}.{column} is of type {duckdb_type}, which is not published. "
            f"Cast it in the model to one of {', '.join(_POSTGRES_TYPES)} or DECIMAL."
        )
    return _POSTGRES_TYPES[duckdb_type]
