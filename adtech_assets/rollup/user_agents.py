"""The distinct user agents of the logs, each classified once, by each version of the classifier."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import date, datetime

    import duckdb
    import polars as pl

RULES_VERSION = 1
"""Of the rules in `classifier.py`; to be raised with every change of what they answer."""

BATCH_AGENTS = 10_000
"""Agents in memory at once, 20 MB of text at the most."""

NULL_AGENT_ID = "0" * 32
AGENT_ID = f"coalesce(md5(user_agent), '{NULL_AGENT_ID}')"
"""SQL of the id: MD5 of the exact bytes, so that it is the same on every engine."""

COLUMNS = {
    "user_agent_id": "VARCHAR NOT NULL",
    "user_agent": "VARCHAR",
    "browser_family": "VARCHAR NOT NULL",
    "os_family": "VARCHAR NOT NULL",
    "device_family": "VARCHAR NOT NULL",
    "device_class": "VARCHAR NOT NULL",
    "invalid_reason": "VARCHAR",
    "crawler_pattern": "VARCHAR",
    "classifier_version": "VARCHAR NOT NULL",
    "classified_at": "TIMESTAMP NOT NULL",
}
SCHEMA = f"""
CREATE SCHEMA IF NOT EXISTS rollup;
CREATE TABLE IF NOT EXISTS rollup.user_agents (
    {", ".join(f"{name} {type_}" for name, type_ in COLUMNS.items())}
);
"""

INVALID_AGENTS = (
    "SELECT user_agent, true AS is_invalid FROM rollup.user_agents WHERE invalid_reason IS NOT NULL"
)
"""Query of the agents whose traffic is invalid."""


@dataclass(frozen=True)
class Classified:
    """What `classify_days` did."""

    agents: int
    """Agents in the table now."""
    new: int
    """Agents that were classified now, for the first time or by another version than before."""
    crawlers: int
    """Crawlers in the table."""


def classifier_version() -> str:
    """Versions of all that decides: our rules, the two packages, and ua-parser's patterns."""
    return f"rules {RULES_VERSION} {_package_versions()}"


@cache
def _package_versions() -> str:
    packages = ("ua-parser", "ua-parser-rs", "ua-parser-builtins", "crawler-user-agents")
    return " ".join(f"{name} {version(name)}" for name in packages)


def classify_days(
    connection: duckdb.DuckDBPyConnection, days: Collection[date], *, now: datetime
) -> Classified:
    """Classify the agents of some days' roll-up, inside the caller's transaction.

    Of agents that this version of the classifier has classified before, nothing is done.

    Grain of `rollup.user_agents`: one row for each agent, byte by byte; NULL is one of them.
    """
    current = classifier_version()
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE new_user_agents AS
        SELECT user_agent_id, min(user_agent) AS user_agent, row_number() OVER () AS place
        FROM (
            SELECT DISTINCT user_agent, {AGENT_ID} AS user_agent_id
            FROM rollup.hourly_user_agent_rollup
            WHERE event_date IN (SELECT unnest($days::DATE[]))
        )
        WHERE user_agent_id NOT IN (
            SELECT user_agent_id FROM rollup.user_agents WHERE classifier_version = $version
        )
        GROUP BY user_agent_id
        """,
        {"days": list(days), "version": current},
    )
    connection.execute(
        "DELETE FROM rollup.user_agents WHERE user_agent_id IN "
        "(SELECT user_agent_id FROM new_user_agents)"
    )
    new = 0
    for batch in _classified_batches(connection):
        connection.register("classified_batch", batch.to_arrow())
        connection.execute(
            """
            INSERT INTO rollup.user_agents BY NAME
            SELECT
                batch.*, new.user_agent, $version AS classifier_version, $now AS classified_at
            FROM classified_batch AS batch
            INNER JOIN new_user_agents AS new USING (user_agent_id)
            """,
            {"version": current, "now": now},
        )
        connection.unregister("classified_batch")
        new += len(batch)
    connection.execute("DROP TABLE new_user_agents")
    row = connection.execute(
        "SELECT count(*), count(*) FILTER (invalid_reason = 'crawler') FROM rollup.user_agents"
    ).fetchone() or (0, 0)
    return Classified(agents=row[0], new=new, crawlers=row[1])


def unclassified(connection: duckdb.DuckDBPyConnection, days: Collection[date]) -> list[str | None]:
    """Agents of some days' roll-up that have no row in `rollup.user_agents`."""
    rows = connection.execute(
        f"""
        SELECT DISTINCT left(user_agent, 200)
        FROM rollup.hourly_user_agent_rollup
        WHERE event_date IN (SELECT unnest(?::DATE[]))
            AND {AGENT_ID} NOT IN (SELECT user_agent_id FROM rollup.user_agents)
        ORDER BY ALL
        """,
        [list(days)],
    ).fetchall()
    return [agent for (agent,) in rows]


def day_totals(
    connection: duckdb.DuckDBPyConnection, days: Collection[date]
) -> dict[date, tuple[int, float]]:
    """Distinct agents, and the share of events that come from crawlers, of each day with events."""
    rows = connection.execute(
        f"""
        SELECT
            event_date,
            count(DISTINCT user_agent_id),
            coalesce(sum(events) FILTER (invalid_reason = 'crawler'), 0) / sum(events)
        FROM (
            SELECT event_date, {AGENT_ID} AS user_agent_id, impression_count + click_count AS events
            FROM rollup.hourly_user_agent_rollup
            WHERE event_date IN (SELECT unnest(?::DATE[]))
        )
        LEFT JOIN rollup.user_agents USING (user_agent_id)
        GROUP BY event_date
        """,
        [list(days)],
    ).fetchall()
    return {day: (agents, float(share)) for day, agents, share in rows}


def _classified_batches(connection: duckdb.DuckDBPyConnection) -> Iterator[pl.DataFrame]:
    """Classifications of the new agents, by id. No more than is looked at is ever in Python."""
    (count,) = connection.execute("SELECT count(*) FROM new_user_agents").fetchone() or (0,)
    if not count:
        return
    # Imported here because it takes 0.4 s, and most runs have no new agent.
    import polars as pl  # noqa: PLC0415

    from adtech_assets.rollup.classifier import (  # noqa: PLC0415
        MATCHED_CHARACTERS,
        Classification,
        Classifier,
    )

    classifier = Classifier()
    for first in range(1, count + 1, BATCH_AGENTS):
        agents = connection.execute(
            "SELECT user_agent_id, left(user_agent, ?) FROM new_user_agents "
            "WHERE place >= ? AND place < ?",
            [MATCHED_CHARACTERS, first, first + BATCH_AGENTS],
        ).fetchall()
        yield pl.DataFrame(
            [
                {"user_agent_id": agent_id} | asdict(classifier.classify(agent))
                for agent_id, agent in agents
            ],
            schema={
                "user_agent_id": pl.String,
                **dict.fromkeys(Classification.__dataclass_fields__, pl.String),
            },
        )
