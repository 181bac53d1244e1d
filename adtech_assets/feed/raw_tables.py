"""The raw log tables: one row for each logged event."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

from adtech_assets.contract import FILE_COLUMNS
from adtech_assets.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adtech_assets.contract import Feed, Kind

RAW_TABLES: dict[Kind, str] = {"impressions": "raw.impression_logs", "clicks": "raw.click_logs"}

FIRST_COLUMNS = ("creation_time", "user_agent", "campaign_id", "is_fraud")
"""Columns of the feed that were read of every file before feeds were files."""

_ALWAYS_THERE = {"event_at", *FIRST_COLUMNS}


def quoted(name: str) -> str:
    """An identifier, whatever characters it has, and if it is a word of SQL."""
    return '"' + name.replace('"', '""') + '"'


def columns(feed: Feed, kind: Kind) -> dict[str, str]:
    """Columns of a table with their types: what an event has from its file, and of its row."""
    return FILE_COLUMNS | feed.stored(kind)


@contextmanager
def in_memory(feed: Feed) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to empty tables of its own, to look at files of which nothing is to be kept."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'; CREATE SCHEMA raw")
        create(connection, feed)
        yield connection


def create(connection: duckdb.DuckDBPyConnection, feed: Feed) -> None:
    """Make both tables, or let them follow the feed: they get what it has gained.

    Raises:
        UserError: they have a column of the feed in another type.
    """
    for kind, table in RAW_TABLES.items():
        wanted = columns(feed, kind)
        written = ", ".join(f"{quoted(name)} {type_}" for name, type_ in wanted.items())
        connection.execute(f"CREATE TABLE IF NOT EXISTS {table} ({written})")
    for kind, table in RAW_TABLES.items():
        # Not asked of duckdb_columns(), which looks at every view too: 37 ms.
        described = connection.execute(f"DESCRIBE {table}").fetchall()
        there = {column: type_ for column, type_, *_ in described}
        for name, type_ in feed.stored(kind).items():
            is_now = there.get(name)
            if is_now is None and name in _ALWAYS_THERE:
                continue  # somebody has taken it away: whoever reads it says so
            if is_now is None:
                connection.execute(f"ALTER TABLE {table} ADD COLUMN {quoted(name)} {type_}")
            elif is_now != type_.replace(" ", ""):
                raise UserError(
                    f"{table}.{name} is {is_now} in the warehouse, and {type_} by the feed file "
                    f"{feed}. Give the column another name there, or use another data folder."
                )
