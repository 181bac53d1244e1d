"""What is read of the hourly roll-up: events per hour of the file name and user agent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adtech_assets.settings import ALL_USER_AGENTS

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

    import duckdb


@dataclass(frozen=True)
class HourCount:
    """Counts of an hour, in the feed's local time."""

    day: date
    hour: int
    impressions: int
    clicks: int


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
