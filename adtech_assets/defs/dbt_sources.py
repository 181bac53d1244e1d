"""The raw log tables as sources of dbt, and all that models read, made where nobody has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from adtech_assets import billing
from adtech_assets.contract import KINDS
from adtech_assets.feed.ledger import Ledger
from adtech_assets.feed.raw_tables import RAW_TABLES
from adtech_assets.operational.snapshot import create_tables
from adtech_assets.rollup import facts, user_agents

if TYPE_CHECKING:
    import duckdb

    from adtech_assets.contract import Feed, Kind

FILE_COLUMNS = {
    "file_id": "File of the event, in log_files.",
    "file_date": "Day in the name of the file, local time of the feed.",
    "file_hour": "Hour in the name of the file, local time of the feed.",
}


def described(feed: Feed) -> str:
    """YAML of the raw log tables as sources of dbt, with the feed's columns."""
    nightly = {
        "warn_after": {"count": 36, "period": "hour"},
        "error_after": {"count": 7, "period": "day"},
    }
    tables = [
        {
            "name": RAW_TABLES[kind].removeprefix("raw."),
            "description": f"One row per logged {kind.removesuffix('s')}, from every good file.",
            "config": {
                "meta": {
                    "dagster": {"asset_key": RAW_TABLES[kind].split(".")},
                    # For models of yours: ours begin at what is counted of the events.
                    "dbt-bouncer": {"skip_checks": ["check_source_not_orphaned"]},
                },
                "freshness": nightly,
                "loaded_at_query": (
                    "select max(loaded_at) from raw.log_files "
                    f"where kind = '{kind}' and status = 'loaded'"
                ),
            },
            "columns": [
                {"name": name, "description": text}
                for name, text in (FILE_COLUMNS | _descriptions(feed, kind)).items()
            ],
        }
        for kind in KINDS
    ]
    source = {
        "name": "logs",
        "schema": "raw",
        "description": (
            "Log files as loaded. Timestamps are naive and mean UTC; hours of files are local."
        ),
        "loader": "assets raw/impression_logs and raw/click_logs",
        "config": {"freshness": nightly},
        "tables": tables,
    }
    return yaml.safe_dump({"sources": [source]}, sort_keys=False, allow_unicode=True)


def _descriptions(feed: Feed, kind: Kind) -> dict[str, str]:
    columns = feed.columns_of(kind).values()
    return {column.stored_as: column.description for column in columns}


def create_sources(connection: duckdb.DuckDBPyConnection, feed: Feed) -> None:
    """Make those tables that are not there: empty ones."""
    Ledger.create(connection, feed)
    facts.create(connection)
    connection.execute(user_agents.SCHEMA)
    create_tables(connection)
    connection.execute(billing.SCHEMA)
