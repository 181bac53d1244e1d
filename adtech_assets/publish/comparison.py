"""Compares published tables with the marts in the warehouse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adtech_assets.publish import fingerprints, marts
from adtech_assets.publish.marts import DAY_COLUMN, Mart, quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import date

    import duckdb

    from adtech_assets.stores.postgres import Snapshot


@dataclass(frozen=True)
class Differences:
    """Rows that only one of the stores has."""

    rows: int
    examples: list[str]


def compare(
    connection: duckdb.DuckDBPyConnection,
    snapshot: Snapshot,
    mart: Mart,
    days: Collection[date] | None,
    most_examples: int,
) -> Differences:
    """Find rows that only one of the stores has.

    Days are compared by their fingerprints, and row by row only where those differ. Rows of
    Postgres stream through DuckDB, which holds a batch of them at a time.

    Args:
        connection: to the warehouse.
        snapshot: of the target.
        mart: which one.
        days: to look at, beside the rows of no day. None, or a mart without days: every row.
        most_examples: rows that are shown.
    """
    columns = marts.columns_of(connection, mart)
    found = snapshot.table(f"SELECT to_regclass('{mart.table}')::text AS name")
    if found["name"][0].as_py() is None:
        return Differences(1, [f"{mart.table} is not in Postgres"])
    chosen = ""
    if days is not None and marts.is_dated(columns):
        chosen = _where(days)
    names = ", ".join(map(quoted, columns))
    in_postgres = f"SELECT {names} FROM {mart.table}"
    in_warehouse = marts.published_rows(mart, columns)
    # Postgres' numeric comes as text.
    casts = ", ".join(f"CAST({quoted(n)} AS {t}) AS {quoted(n)}" for n, t in columns.items())
    streamed = f"SELECT {casts} FROM in_postgres"

    wanted = fingerprints.by_day(connection, in_warehouse + chosen, columns)
    with snapshot.stream(in_postgres + chosen) as rows:
        connection.register("in_postgres", rows)
        published = fingerprints.by_day(connection, streamed, columns)
        connection.unregister("in_postgres")
    differing = [
        day for day in wanted.keys() | published.keys() if wanted.get(day) != published.get(day)
    ]
    if not differing:
        return Differences(0, [])

    chosen = ""
    if marts.is_dated(columns):
        chosen = _where(day for day in differing if day is not None)
    with snapshot.stream(in_postgres + chosen) as rows:
        connection.register("in_postgres", rows)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE published AS {streamed}")
        connection.unregister("in_postgres")
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE differences AS
        (SELECT 'only in the warehouse' AS found, *
            FROM ({in_warehouse}{chosen} EXCEPT ALL FROM published))
        UNION ALL
        (SELECT 'only in Postgres', * FROM (FROM published EXCEPT ALL {in_warehouse}{chosen}))
        """
    )
    [(count,)] = connection.execute("SELECT count(*) FROM differences").fetchall()
    examples = connection.execute(
        f"FROM differences ORDER BY ALL DESC LIMIT {most_examples}"
    ).fetchall()
    for table in ("published", "differences"):
        connection.execute(f"DROP TABLE temp.{table}")
    return Differences(count, [str(example) for example in examples])


def _where(days: Iterable[date]) -> str:
    dates = ", ".join(f"DATE '{day}'" for day in days)
    return f" WHERE {DAY_COLUMN} IN ({dates or 'NULL'}) OR {DAY_COLUMN} IS NULL"
