"""Publishes marts: what BI tools read is in Postgres, schema `marts`, and always whole."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from psycopg import sql

from adtech_assets.errors import UserError
from adtech_assets.publish import fingerprints, grants, marts, notes, references
from adtech_assets.publish.mart_tables import MartTable
from adtech_assets.publish.marts import CLOSED_COLUMN, DAY_COLUMN, SCHEMA, Mart
from adtech_assets.stores import identity, ownership
from adtech_assets.stores.postgres import copy_arrow, retried

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date

    import duckdb
    import psycopg

    from adtech_assets.publish.fingerprints import DayRows
    from adtech_assets.stores.postgres import Postgres
    from adtech_assets.versions import Day

__all__ = ["SCHEMA", "Mart", "publish"]

# What pyarrow writes as Postgres reads it. All else DuckDB makes into text: it can write the
# infinite dates, which pyarrow cannot.
_WRITTEN_AS_IT_IS = (
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT"),
    *("FLOAT", "DOUBLE", "BOOLEAN", "VARCHAR"),
)
_BATCH_ROWS = 8_192
"""Rows of a block of COPY, about 1 MB; read ahead by one, so that 1 MB texts fit into memory."""


@dataclass(frozen=True)
class Published:
    """What a publication did with a mart."""

    rows: int
    """That are published now."""
    written: frozenset[Day] | None
    """Days that were written, None among them for the rows without one; None: the whole table."""


@retried
def publish(
    connection: duckdb.DuckDBPyConnection,
    target: Postgres,
    published: Sequence[Mart],
    versions: Mapping[str, str] = MappingProxyType({}),
    edited: Mapping[str, Collection[Day]] = MappingProxyType({}),
) -> dict[str, Published]:
    """Make published marts equal to the warehouse's, all in one transaction.

    Rows are deleted and copied, not swapped in as a new table: readers never wait, grants and
    views that others have made stay, and who began to read before the commit goes on seeing the
    old rows. Only a mart whose columns or key have changed is made anew, with the same grants.

    Of a mart with an `event_date`, only days are written whose rows differ from those that were
    published, or that were edited; a mart of no day is replaced whole.

    Args:
        connection: to the warehouse.
        target: the database.
        published: the marts.
        versions: of the marts, by name, which are noted.
        edited: days of the marts, by name, to be written whatever was published.

    Returns:
        What was done with each mart, by its name.

    Raises:
        TransientError: the database did not come back within the retries; nothing has changed.
        UserError: a mart is not in the warehouse, lacks days that are published, or cannot be made
            anew because somebody's view depends on it, or the target is another's; nothing has
            changed.
    """
    warehouse = identity.of(connection)
    with ownership.writing(target, warehouse) as postgres, postgres.cursor() as cursor:
        # IF NOT EXISTS would ask for a privilege even where it is there.
        cursor.execute("SELECT to_regnamespace(%s) IS NULL", [SCHEMA])
        if cursor.fetchone() == (True,):
            cursor.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(SCHEMA)))
        notes.create(cursor)
        done = {
            mart.name: _publish(
                connection,
                cursor,
                mart,
                versions.get(mart.name, ""),
                set(edited.get(mart.name, ())),
            )
            for mart in published
        }
        references.declare(cursor, notes.versions(cursor))
        grants.let_read(cursor, published, target.readers)
        return done


def _publish(
    connection: duckdb.DuckDBPyConnection,
    cursor: psycopg.Cursor,
    mart: Mart,
    version: str,
    edited: set[Day],
) -> Published:
    columns = marts.columns_of(connection, mart)
    query = marts.published_rows(mart, columns)
    table = MartTable(cursor, mart, columns)
    wanted = fingerprints.by_day(connection, query, columns)
    found = notes.rows_by_day(cursor, mart.name)
    if mart.has_every_day:
        _refuse_to_forget(mart, found, wanted)
    if CLOSED_COLUMN in columns:
        _refuse_to_forget_closed(connection, cursor, mart)
    is_new = not table.is_as_the_mart()
    stale: set[Day] | None = None
    if not is_new and marts.is_dated(columns):
        noted = notes.fingerprints(cursor, mart.name)
        stale = edited | {
            day
            for day in found.keys() | wanted.keys()
            if day not in wanted
            or (found.get(day, 0), noted.get(day)) != (wanted[day].rows, wanted[day].fingerprint)
        }
        query += _of_days(stale)
    if is_new:
        table.make_anew()
    else:
        _delete(cursor, table.name, stale)
    if stale is None or stale:
        rows = connection.sql(
            _as_written(query, columns),
            params=None if stale is None else {"days": _dated(stale)},
        )
        with rows.to_arrow_reader(_BATCH_ROWS) as reader:
            copy_arrow(cursor, table.name, reader)
    if is_new:
        table.add_key()
    table.add_indexes()
    table.describe()
    notes.note(cursor, mart.name, version, wanted, stale)
    return Published(
        sum(day.rows for day in wanted.values()), None if stale is None else frozenset(stale)
    )


def _of_days(days: Collection[date | None]) -> str:
    undated = f" OR {DAY_COLUMN} IS NULL" if None in days else ""
    return f" WHERE {DAY_COLUMN} IN (SELECT unnest($days::DATE[])){undated}"


def _delete(
    cursor: psycopg.Cursor, table: sql.Identifier, days: Collection[date | None] | None
) -> None:
    """Delete some days, or everything."""
    if days is None:
        cursor.execute(sql.SQL("DELETE FROM {}").format(table))
    elif days:
        undated = f" OR {DAY_COLUMN} IS NULL" if None in days else ""
        cursor.execute(
            sql.SQL("DELETE FROM {} WHERE {} = ANY (%s::date[])" + undated).format(
                table, sql.Identifier(DAY_COLUMN)
            ),
            [_dated(days)],
        )


def _as_written(query: str, columns: Mapping[str, str]) -> str:
    values = ", ".join(
        marts.quoted(name)
        if type_ in _WRITTEN_AS_IT_IS
        else f"CAST({marts.quoted(name)} AS VARCHAR) AS {marts.quoted(name)}"
        for name, type_ in columns.items()
    )
    return f"SELECT {values} FROM ({query})"


def _dated(days: Collection[date | None]) -> list[date]:
    return sorted(day for day in days if day is not None)


def _refuse_to_forget(
    mart: Mart, found: Mapping[date | None, int], wanted: Mapping[date | None, DayRows]
) -> None:
    """Stop when published days would vanish: a lost warehouse begins anew with the days of a run.

    What a mart totals over all days would be as wrong, so no mart of the transaction is published.
    """
    lost = _dated(found.keys() - wanted.keys())
    if lost:
        raise UserError(
            f"{mart.table} is published with {len(lost)} days that the warehouse does not "
            "have: it was lost, and has begun anew. Nothing was published. Load them again: "
            f"adtech backfill --from {lost[0]} --to {lost[-1]}. If they are gone for good, delete "
            f"them from {mart.table} first."
        )


def _refuse_to_forget_closed(
    connection: duckdb.DuckDBPyConnection, cursor: psycopg.Cursor, mart: Mart
) -> None:
    """Stop when closed months that are published would vanish, or be of another closing.

    What was closed is in the warehouse only: one that has begun anew cannot count it again.
    """
    closings = f"SELECT DISTINCT billing_month, {CLOSED_COLUMN} FROM {mart.table}"
    of_closed = f"{closings} WHERE {CLOSED_COLUMN} IS NOT NULL"
    if not notes.has_column(cursor, mart.name, CLOSED_COLUMN):
        return
    cursor.execute(of_closed.encode())
    lost = set(cursor.fetchall()) - set(connection.execute(of_closed).fetchall())
    if lost:
        months = ", ".join(sorted(f"{month:%Y-%m}" for month, _ in lost))
        raise UserError(
            f"{mart.table} is published with closed months ({months}) that the warehouse does not "
            "have: it was lost, and has begun anew. Nothing was published. Restore your backup: "
            "adtech restore FOLDER. If there is none and they are given up, delete them from "
            f"{mart.table} first."
        )
