"""The hourly roll-up: events per hour of the file name and user agent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from adtech_assets.partitions import DayRange, contiguous
from adtech_assets.settings import ALL_USER_AGENTS
from adtech_assets.stores.warehouse import bound_cache

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import date

    import duckdb

PORTION_EVENTS = 10_000_000
"""Of one query, unless a day has more. It keeps 2 bytes of each event in memory, and its groups."""

COLUMNS = {
    "event_date": "DATE NOT NULL",
    "event_hour": "TINYINT NOT NULL",
    "user_agent": "VARCHAR",
    "impression_count": "BIGINT NOT NULL",
    "click_count": "BIGINT NOT NULL",
}
SCHEMA = f"""
CREATE SCHEMA IF NOT EXISTS rollup;
CREATE TABLE IF NOT EXISTS rollup.hourly_user_agent_rollup (
    {", ".join(f"{name} {type_}" for name, type_ in COLUMNS.items())}
);
"""

# One text over two relations that any engine can supply. UNION ALL of ones and zeros instead of a
# full join: it fills the missing side with 0 and keeps a NULL user agent as a group of its own.
ROLLUP = """
SELECT
    file_date AS event_date,
    file_hour AS event_hour,
    user_agent,
    CAST(SUM(impressions) AS BIGINT) AS impression_count,
    CAST(SUM(clicks) AS BIGINT) AS click_count
FROM (
    SELECT file_date, file_hour, user_agent, 1 AS impressions, 0 AS clicks FROM {impressions}
    UNION ALL
    SELECT file_date, file_hour, user_agent, 0 AS impressions, 1 AS clicks FROM {clicks}
) AS events
WHERE file_date BETWEEN DATE '{first}' AND DATE '{last}'
GROUP BY file_date, file_hour, user_agent
"""


@dataclass(frozen=True)
class HourCount:
    """Counts of an hour, in the feed's local time."""

    day: date
    hour: int
    impressions: int
    clicks: int


def rebuild(connection: duckdb.DuckDBPyConnection, days: Collection[date]) -> int:
    """Replace the roll-up of some days, inside the caller's transaction.

    Grain: event_date, event_hour, user_agent. Date and hour are those of the file's name, also for
    events that happened in another hour; hours without events have no row. They are local, so the
    hour that clocks show twice in autumn is one row, of both its files, and the one that they skip
    in spring has none. The raw tables tell the two apart: their event times are UTC.

    Returns:
        Number of rows now there for the days.
    """
    connection.execute(
        "DELETE FROM rollup.hourly_user_agent_rollup "
        "WHERE event_date IN (SELECT unnest(?::DATE[]))",
        [list(days)],
    )
    rows = 0
    for portion in _portions(connection, days):
        query = ROLLUP.format(
            impressions="raw.impression_logs",
            clicks="raw.click_logs",
            first=portion.first,
            last=portion.last,
        )
        row = connection.execute(f"INSERT INTO rollup.hourly_user_agent_rollup {query}").fetchone()
        rows += int(row[0]) if row else 0
        bound_cache(connection)
    return rows


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


def days_of_excess_clicks(
    connection: duckdb.DuckDBPyConnection, days: Collection[date]
) -> list[tuple[date, int, int]]:
    """Days with more clicks than impressions over all user agents: day, impressions, clicks.

    Not by hour: the click of an impression just before the hour is in the next one.
    """
    return connection.execute(
        """
        SELECT event_date, sum(impression_count)::BIGINT, sum(click_count)::BIGINT
        FROM rollup.hourly_user_agent_rollup
        WHERE event_date IN (SELECT unnest(?::DATE[]))
        GROUP BY event_date
        HAVING sum(click_count) > sum(impression_count)
        ORDER BY event_date
        """,
        [list(days)],
    ).fetchall()


def day_totals(
    connection: duckdb.DuckDBPyConnection, days: Collection[date]
) -> dict[date, tuple[int, int, int]]:
    """Rows, impressions and clicks of each day that has any, over all user agents."""
    rows = connection.execute(
        """
        SELECT event_date, count(*), sum(impression_count)::BIGINT, sum(click_count)::BIGINT
        FROM rollup.hourly_user_agent_rollup
        WHERE event_date IN (SELECT unnest(?::DATE[]))
        GROUP BY event_date
        """,
        [list(days)],
    ).fetchall()
    return {day: (rows, impressions, clicks) for day, rows, impressions, clicks in rows}


def hourly_counts(
    connection: duckdb.DuckDBPyConnection, days: Collection[date], user_agent: str
) -> list[HourCount]:
    """Counts of one user agent, matched byte by byte, or of all; hours without events have none."""
    rows = connection.execute(
        """
        SELECT event_date, event_hour, sum(impression_count)::BIGINT, sum(click_count)::BIGINT
        FROM rollup.hourly_user_agent_rollup
        WHERE event_date IN (SELECT unnest($days::DATE[])) AND ($all OR user_agent = $user_agent)
        GROUP BY event_date, event_hour
        ORDER BY event_date, event_hour
        """,
        {
            "days": list(days),
            "all": user_agent == ALL_USER_AGENTS,
            "user_agent": user_agent,
        },
    ).fetchall()
    return [HourCount(*row) for row in rows]
