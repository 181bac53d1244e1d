"""What the target notes of each publication, in its transaction: versions, and hashes of rows.

Not in the schema of the marts: who reads those has no use for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg import sql

from adtech_assets.publish.marts import DAY_COLUMN, SCHEMA
from adtech_assets.stores.postgres import copy_rows, retried

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import date, datetime

    import psycopg

    from adtech_assets.partitions import DayRange
    from adtech_assets.publish.fingerprints import DayRows
    from adtech_assets.stores.postgres import Postgres
    from adtech_assets.versions import Day

_MARTS = sql.Identifier("public", "published_marts")
_DAYS = sql.Identifier("public", "published_days")
_TABLES = (
    (_MARTS, "mart text PRIMARY KEY, version text NOT NULL, published_at timestamptz NOT NULL"),
    # `event_date` of the rows without one, or of a mart that has none, is -infinity.
    (
        _DAYS,
        (
            "mart text, event_date date, rows bigint NOT NULL, fingerprint text NOT NULL, "
            "row_hash numeric NOT NULL, PRIMARY KEY (mart, event_date)"
        ),
    ),
)

_NO_DAY = sql.SQL("NULL::date")


@retried
def outdated(
    target: Postgres, wanted: Mapping[str, str], days: Collection[date] | None
) -> dict[str, set[Day]]:
    """The marts that are not published in the version that they have, or were edited since.

    The warehouse is not needed for it: beside its version, each publication notes how many rows it
    wrote of each day, and a hash of them, which Postgres works out again.

    Args:
        target: the database.
        wanted: the versions of the marts in the warehouse, by name.
        days: whose rows are looked at for other values, beside the rows without a day; other
            numbers of rows are found on any day. None: all rows.

    Returns:
        Names of marts, with the days that were edited.
    """
    with target.connect(read_only=True) as postgres, postgres.cursor() as cursor:
        published = versions(cursor)
        found = {}
        for mart, version in wanted.items():
            edited = edited_days(cursor, mart, days) if mart in published else set()
            if edited or published.get(mart) != version:
                found[mart] = edited
        return found


def create(cursor: psycopg.Cursor) -> None:
    """Make the tables that are missing; IF NOT EXISTS would ask for a privilege all the same."""
    for table, columns in _TABLES:
        if not _exists(cursor, table):
            cursor.execute(sql.SQL("CREATE TABLE {} (" + columns + ")").format(table))


def versions(cursor: psycopg.Cursor) -> dict[str, str]:
    """The version in which each mart was last published, of those whose table is there."""
    if not (_exists(cursor, _MARTS) and _exists(cursor, _DAYS) and _has_hashes(cursor)):
        return {}
    cursor.execute(
        sql.SQL(
            "SELECT mart, version FROM {} "
            "WHERE to_regclass(format('%%I.%%I', %s::text, mart)) IS NOT NULL"
        ).format(_MARTS),
        [SCHEMA],
    )
    return dict(cursor.fetchall())


@dataclass(frozen=True)
class Publication:
    """What is published of a mart."""

    version: str
    rows: int
    at: datetime
    """UTC, without a zone."""


def publications(cursor: psycopg.Cursor) -> dict[str, Publication]:
    """What is published of each mart."""
    known = versions(cursor)
    if not known:
        return {}
    cursor.execute(
        sql.SQL(
            "SELECT mart, coalesce(sum(rows), 0)::bigint, "
            "min(published_at) AT TIME ZONE 'UTC' FROM {} LEFT JOIN {} USING (mart) GROUP BY mart"
        ).format(_MARTS, _DAYS)
    )
    return {mart: Publication(known[mart], rows, at) for mart, rows, at in cursor if mart in known}


def fingerprints(cursor: psycopg.Cursor, mart: str) -> dict[Day, str]:
    """The fingerprint, in the warehouse, of what was published of each day."""
    cursor.execute(
        sql.SQL(
            "SELECT CASE WHEN isfinite(event_date) THEN event_date END, fingerprint FROM {} "
            "WHERE mart = %s"
        ).format(_DAYS),
        [mart],
    )
    return dict(cursor.fetchall())


def rows_by_day(cursor: psycopg.Cursor, mart: str) -> dict[Day, int]:
    """The rows of a mart by day as they are counted now: 0.1 s for 1 million rows."""
    if not _exists(cursor, _table(mart)):
        return {}
    cursor.execute(
        sql.SQL("SELECT {}, count(*) FROM {} GROUP BY 1").format(_day(cursor, mart), _table(mart))
    )
    return dict(cursor.fetchall())


def edited_days(cursor: psycopg.Cursor, mart: str, days: Collection[Day] | None) -> set[Day]:
    """The days of a mart whose rows are not those that were published.

    Other numbers of rows are found on any day, other values on some days or, if none are given, on
    all.
    """
    cursor.execute(
        sql.SQL(
            "SELECT CASE WHEN isfinite(event_date) THEN event_date END, rows, row_hash FROM {} "
            "WHERE mart = %s"
        ).format(_DAYS),
        [mart],
    )
    noted = {day: (rows, row_hash) for day, rows, row_hash in cursor.fetchall()}
    rows = rows_by_day(cursor, mart)
    hashes = _hashes(cursor, mart, days)
    return {
        day
        for day in noted.keys() | rows.keys()
        if day not in noted
        or noted[day][0] != rows.get(day)
        or (day in hashes and noted[day][1] != hashes[day])
    }


def erase(cursor: psycopg.Cursor, days: DayRange) -> dict[str, int]:
    """Delete the published rows of some days, with what is noted of them; how many, by table."""
    erased = {}
    for mart in versions(cursor):
        if _day(cursor, mart) != _NO_DAY:
            cursor.execute(
                sql.SQL("DELETE FROM {} WHERE {} BETWEEN %s AND %s").format(
                    _table(mart), sql.Identifier(DAY_COLUMN)
                ),
                [days.first, days.last],
            )
            erased[f"rows of {SCHEMA}.{mart}"] = cursor.rowcount
            cursor.execute(
                sql.SQL("DELETE FROM {} WHERE mart = %s AND event_date BETWEEN %s AND %s").format(
                    _DAYS
                ),
                [mart, days.first, days.last],
            )
    return erased


def has_column(cursor: psycopg.Cursor, mart: str, column: str) -> bool:
    """Whether a published mart is there, and has a column."""
    return _has_column(cursor, _table(mart), column)


def note(
    cursor: psycopg.Cursor,
    mart: str,
    version: str,
    rows: Mapping[Day, DayRows],
    written: Collection[Day] | None,
) -> None:
    """Note what has been published of some days, or of all, in the same transaction.

    Args:
        cursor: of that transaction, in which the rows have been written.
        mart: which one.
        version: in which it is published now.
        rows: of all its days in the warehouse.
        written: the days that have been written; None: all of them.
    """
    days = rows.keys() if written is None else written
    hashes = _hashes(cursor, mart, None if written is None else days)
    cursor.execute(sql.SQL("DELETE FROM {} WHERE mart = %s").format(_MARTS), [mart])
    cursor.execute(sql.SQL("INSERT INTO {} VALUES (%s, %s, now())").format(_MARTS), [mart, version])
    mine = sql.SQL("DELETE FROM {} WHERE mart = %s").format(_DAYS)
    if written is None:
        cursor.execute(mine, [mart])
    else:
        cursor.execute(
            mine + sql.SQL(" AND event_date = ANY (%s::date[])"),
            [mart, [day or "-infinity" for day in written]],
        )
    copy_rows(
        cursor,
        _DAYS,
        ("mart", "event_date", "rows", "fingerprint", "row_hash"),
        (
            (mart, day or "-infinity", rows[day].rows, rows[day].fingerprint, hashes[day])
            for day in days
            if day in rows
        ),
    )


def _hashes(cursor: psycopg.Cursor, mart: str, days: Collection[Day] | None) -> dict[Day, object]:
    """A hash of the rows of each day, equal for equal rows in any order: 1.3 s for 1 million."""
    # What a row looks like as text must not depend on who asks.
    cursor.execute("SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL extra_float_digits = 1")
    cursor.execute("SET LOCAL timezone = 'UTC'")
    day = _day(cursor, mart)
    query = sql.SQL(
        'SELECT {}, sum(hashtextextended(published::text COLLATE "C", 0)) FROM {} AS published'
    ).format(day, _table(mart))
    if days is not None and day != _NO_DAY:
        query += sql.SQL(" WHERE {0} = ANY ({1}::date[]) OR {0} IS NULL").format(
            day, [given for given in days if given is not None]
        )
    cursor.execute(query + sql.SQL(" GROUP BY 1"))
    return dict(cursor.fetchall())


def _day(cursor: psycopg.Cursor, mart: str) -> sql.Composable:
    """The day of a mart's rows; the rows of a mart without days are of none."""
    cursor.execute(
        "SELECT count(*) > 0 FROM pg_attribute "
        "WHERE attrelid = to_regclass(%s) AND attname = %s AND atttypid = 'date'::regtype",
        [_table(mart).as_string(), DAY_COLUMN],
    )
    return sql.Identifier(DAY_COLUMN) if cursor.fetchone() == (True,) else _NO_DAY


def _table(mart: str) -> sql.Identifier:
    return sql.Identifier(SCHEMA, mart)


def _has_hashes(cursor: psycopg.Cursor) -> bool:
    return _has_column(cursor, _DAYS, "row_hash")


def _has_column(cursor: psycopg.Cursor, table: sql.Identifier, column: str) -> bool:
    cursor.execute(
        "SELECT count(*) > 0 FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = %s",
        [table.as_string(), column],
    )
    return cursor.fetchone() == (True,)


def _exists(cursor: psycopg.Cursor, table: sql.Identifier) -> bool:
    cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [table.as_string()])
    return cursor.fetchone() == (True,)
