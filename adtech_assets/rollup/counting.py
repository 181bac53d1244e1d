"""Counts events with DuckDB, in the warehouse, from the raw log tables."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from adtech_assets.errors import UserError
from adtech_assets.feed.ledger import Ledger
from adtech_assets.partitions import DayRange, contiguous
from adtech_assets.rollup import facts, user_agents
from adtech_assets.rollup.facts import text
from adtech_assets.rollup.user_agents import INVALID_AGENTS
from adtech_assets.stores.warehouse import bound_cache, transaction
from adtech_assets.versions import Notes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import date

    import duckdb

    from adtech_assets.contract import Feed
    from adtech_assets.rollup.facts import Facts, Relation
    from adtech_assets.versions import Day

    Versions = Mapping[Day, str | None]

logger = logging.getLogger(__name__)

PORTION_EVENTS = 10_000_000
"""Of one query, unless a day has more. It keeps 2 bytes of each event in memory, and its groups."""

_RELATIONS: dict[Relation, str] = {
    "impressions": """
        CREATE OR REPLACE TEMP VIEW logged_impressions AS
        FROM raw.impression_logs WHERE file_date BETWEEN DATE '{first}' AND DATE '{last}'
    """,
    "clicks": """
        CREATE OR REPLACE TEMP VIEW logged_clicks AS
        SELECT *, epoch_ms(event_at) - epoch_ms(shown_at) AS latency_ms
        FROM raw.click_logs WHERE file_date BETWEEN DATE '{first}' AND DATE '{last}'
    """,
    "invalid_agents": "CREATE OR REPLACE TEMP VIEW invalid_agents AS " + INVALID_AGENTS,
}
"""What the facts are counted of."""


def create(connection: duckdb.DuckDBPyConnection, feed: Feed) -> None:
    """Make the tables that are read and written, those that are not there."""
    Ledger.create(connection, feed)
    facts.create(connection)
    connection.execute(user_agents.SCHEMA)


def count(
    connection: duckdb.DuckDBPyConnection, wanted: Mapping[Facts, Versions], run_id: str
) -> dict[Facts, Collection[Day]]:
    """Count the days of facts whose versions are given, and note these.

    A day that cannot be counted again, for its files were deleted on purpose, keeps its counts.

    Returns:
        The days that were counted.
    """
    final = Ledger(connection).uncountable()
    built: dict[Facts, Collection[Day]] = {}
    for counted, versions in wanted.items():
        built[counted] = versions.keys() - final
        if kept := versions.keys() & final:
            logger.warning(
                "%s: %s days keep their counts, for files of theirs were deleted",
                counted.table,
                f"{len(kept):,}",
            )
        if versions:
            with transaction(connection):
                rebuild(connection, counted, [day for day in built[counted] if day is not None])
                Notes(connection).note(counted.table, versions, run_id)
    return built


def rebuild(connection: duckdb.DuckDBPyConnection, counted: Facts, days: Collection[date]) -> int:
    """Count some days anew from all their raw rows, inside the caller's transaction.

    The days are those in the names of files, also of events that happened on another. They are
    local, so the hour that clocks show twice in autumn is one, of both its files, and the one that
    they skip in spring has none. The raw tables tell the two apart: their event times are UTC.

    Returns:
        Number of rows now there for the days.

    Raises:
        UserError: events of the days are not in the raw tables.
    """
    _check_kept(connection, days)
    forget(connection, counted, days)
    rows = 0
    for portion in _portions(connection, days):
        for relation in counted.reads:
            of_days = _RELATIONS[relation].format(first=portion.first, last=portion.last)
            connection.execute(of_days)
        for kind in counted.kinds:
            connection.execute(f"CREATE OR REPLACE TEMP VIEW {kind} AS {text(kind)}")
        row = connection.execute(f"INSERT INTO {counted.table} BY NAME {counted.query}").fetchone()
        rows += int(row[0]) if row else 0
        bound_cache(connection)
    return rows


def _check_kept(connection: duckdb.DuckDBPyConnection, days: Collection[date]) -> None:
    missing = Ledger(connection).not_kept(days)
    if missing:
        raise UserError(
            f"{missing[0].file_name} of {missing[0].file_date} is counted, its events are not in "
            "the warehouse, and the file is neither in the landing folder nor in the archive "
            f"({len(missing)} such files). The day has to be counted again: bring them back into "
            "the landing folder."
        )


def forget(connection: duckdb.DuckDBPyConnection, counted: Facts, days: Collection[date]) -> None:
    """Remove the counts of some days."""
    connection.execute(
        f"DELETE FROM {counted.table} WHERE {counted.day} IN (SELECT unnest(?::DATE[]))",
        [list(days)],
    )


def day_totals(
    connection: duckdb.DuckDBPyConnection, counted: Facts, days: Collection[date]
) -> dict[date, dict[str, int]]:
    """Of each day that has any: `rows`, and the events of each kind that they count."""
    totals = {"rows": "count(*)"} | {
        kind: f"sum({counted.total_of(kind)})" for kind in counted.kinds
    }
    cursor = connection.execute(
        f"SELECT {counted.day}, {', '.join(f'{sql}::BIGINT' for sql in totals.values())} "
        f"FROM {counted.table} WHERE {counted.day} IN (SELECT unnest(?::DATE[])) GROUP BY 1",
        [list(days)],
    )
    return {day: dict(zip(totals, found, strict=True)) for day, *found in cursor.fetchall()}


def _portions(connection: duckdb.DuckDBPyConnection, days: Collection[date]) -> Iterator[DayRange]:
    """The days in turn, as many at once as have PORTION_EVENTS; a day of more is one by itself."""
    events_of_days = dict(
        connection.execute(
            "SELECT file_date, sum(rows)::BIGINT FROM raw.log_files "
            "WHERE status = 'loaded' AND file_date IN (SELECT unnest(?::DATE[])) GROUP BY ALL",
            [list(days)],
        ).fetchall()
    )
    for stretch in contiguous(events_of_days):
        first, events = stretch.first, 0
        for day in stretch:
            if events and events + events_of_days[day] > PORTION_EVENTS:
                yield DayRange(first, day - timedelta(1))
                first, events = day, 0
            events += events_of_days[day]
        yield DayRange(first, stretch.last)
