"""Compares published tables with the marts in the warehouse."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adtech_assets.publish import fingerprints, marts
from adtech_assets.publish.marts import DAY_COLUMN, Mart, quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
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
    both = _Both(connection, snapshot, mart, columns)
    differing = both.differing(_where(days) if days is not None and both.are_dated else "")
    if not differing:
        return Differences(0, [])
    chosen = _where(day for day in differing if day is not None) if both.are_dated else ""
    return both.rows_of_one(chosen, most_examples)


@dataclass(frozen=True)
class _Both:
    """A mart's rows, as SQL of those in the warehouse and of those that stream from Postgres."""

    connection: duckdb.DuckDBPyConnection
    snapshot: Snapshot
    mart: Mart
    columns: dict[str, str]

    @property
    def are_dated(self) -> bool:
        return marts.is_dated(self.columns)

    @property
    def in_warehouse(self) -> str:
        return marts.published_rows(self.mart, self.columns)

    @contextmanager
    def streamed(self, chosen: str) -> Iterator[str]:
        """SQL of the rows of Postgres; to be read once."""
        names = ", ".join(map(quoted, self.columns))
        # Postgres' numeric comes as text.
        casts = (f"CAST({quoted(n)} AS {t}) AS {quoted(n)}" for n, t in self.columns.items())
        with self.snapshot.stream(f"SELECT {names} FROM {self.mart.table}{chosen}") as rows:
            self.connection.register("in_postgres", rows)
            yield f"SELECT {', '.join(casts)} FROM in_postgres"
            self.connection.unregister("in_postgres")

    def differing(self, chosen: str) -> list[date | None]:
        """Days with other fingerprints."""
        wanted = fingerprints.by_day(self.connection, self.in_warehouse + chosen, self.columns)
        with self.streamed(chosen) as streamed:
            published = fingerprints.by_day(self.connection, streamed, self.columns)
        days = wanted.keys() | published.keys()
        return [day for day in days if wanted.get(day) != published.get(day)]

    def rows_of_one(self, chosen: str, most_examples: int) -> Differences:
        """The rows themselves."""
        with self.streamed(chosen) as streamed:
            self.connection.execute(f"CREATE OR REPLACE TEMP TABLE published AS {streamed}")
        wanted = self.in_warehouse + chosen
        self.connection.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE differences AS
            (SELECT 'only in the warehouse' AS found, *
                FROM ({wanted} EXCEPT ALL FROM published))
            UNION ALL
            (SELECT 'only in Postgres', * FROM (FROM published EXCEPT ALL {wanted}))
            """
        )
        [(count,)] = self.connection.execute("SELECT count(*) FROM differences").fetchall()
        examples = self.connection.execute(
            f"FROM differences ORDER BY ALL DESC LIMIT {most_examples}"
        ).fetchall()
        self.connection.execute("DROP TABLE temp.published; DROP TABLE temp.differences")
        return Differences(count, [str(example) for example in examples])


def _where(days: Iterable[date]) -> str:
    dates = ", ".join(f"DATE '{day}'" for day in days)
    return f" WHERE {DAY_COLUMN} IN ({dates or 'NULL'}) OR {DAY_COLUMN} IS NULL"
