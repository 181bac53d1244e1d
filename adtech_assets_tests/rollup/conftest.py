"""Engines that count events which a test writes down."""

from __future__ import annotations

import duckdb
import pytest

from adtech_assets.feed import raw_tables
from adtech_assets.rollup import facts
from adtech_assets_tests.sample_feed import SAMPLE

LOGGED = {
    "impressions": raw_tables.columns(SAMPLE, "impressions"),
    "clicks": raw_tables.columns(SAMPLE, "clicks") | {"latency_ms": "BIGINT"},
}
"""The relations that an engine supplies: columns, with their types in DuckDB."""


class DuckDB:
    """Counts rows, given as dicts; what they leave out is NULL."""

    def __init__(self):
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'")

    def __call__(self, counted, *, impressions=(), clicks=(), agents=()):
        with self.connection.cursor() as cursor:
            for kind, rows in (("impressions", impressions), ("clicks", clicks)):
                self._relation(cursor, kind, rows)
            cursor.execute(
                "CREATE OR REPLACE TEMP TABLE invalid_agents "
                "(user_agent VARCHAR, is_invalid BOOLEAN)"
            )
            for agent in agents:
                cursor.execute("INSERT INTO invalid_agents VALUES (?, true)", [agent])
            cursor.execute(f"DROP TABLE IF EXISTS {counted.table}; {counted.schema}")
            cursor.execute(f"INSERT INTO {counted.table} BY NAME {counted.query}")
            found = cursor.execute(f"SELECT {', '.join(counted.columns)} FROM {counted.table}")
            return [dict(zip(counted.columns, row, strict=True)) for row in found.fetchall()]

    @staticmethod
    def _relation(cursor, kind, rows):
        columns = ", ".join(
            f"{name} {type_.removesuffix(' NOT NULL')}" for name, type_ in LOGGED[kind].items()
        )
        cursor.execute(f"CREATE OR REPLACE TEMP TABLE logged_{kind} ({columns})")
        for row in rows:
            names, values = ", ".join(row), ", ".join(f"${name}" for name in row)
            cursor.execute(f"INSERT INTO logged_{kind} ({names}) VALUES ({values})", dict(row))
        cursor.execute(f"CREATE OR REPLACE TEMP VIEW {kind} AS {facts.text(kind)}")


@pytest.fixture(scope="session")
def count():
    """The engine: called with facts and events, it answers rows."""
    return DuckDB()
