"""A Spark server for the tests of this folder, and pipelines that count with it or with DuckDB."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from pydantic import SecretStr

from adtech_assets.contract import KINDS
from adtech_assets.feed.ingest import Ingest
from adtech_assets.rollup import events, facts, user_agents
from adtech_assets.rollup.spark import counting as spark_counting
from adtech_assets.rollup.spark.session import session
from adtech_assets.rollup.spark.values import spark_type
from adtech_assets.settings import load_settings
from adtech_assets.stores.warehouse import Warehouse, transaction
from adtech_assets.versions import Notes
from adtech_assets_tests.feed.deliveries import days
from adtech_assets_tests.rollup.conftest import LOGGED
from adtech_assets_tests.rollup.counted import count_events
from adtech_assets_tests.spark.run_of_days import stale
from adtech_assets_tests.spark.server import SparkServer

if TYPE_CHECKING:
    from collections.abc import Iterator


NOW = datetime(2022, 6, 1)  # noqa: DTZ001 - naive UTC, as everywhere


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> Iterator[SparkServer]:
    started = SparkServer(tmp_path_factory.mktemp("spark"))
    yield started
    session(started.remote).stop()
    started.stop()


class SparkCounts:
    """Counts rows, given as dicts; what they leave out is NULL."""

    def __init__(self, remote):
        self.spark = session(remote)

    def __call__(self, counted, *, impressions=(), clicks=(), agents=()):
        for kind, rows in (("impressions", impressions), ("clicks", clicks)):
            self._relation(kind, rows)
        self._view(
            [{"user_agent": agent, "is_invalid": True} for agent in agents],
            {"user_agent": "VARCHAR", "is_invalid": "BOOLEAN"},
            "invalid_agents",
        )
        found = self.spark.sql(counted.query).toArrow().to_pylist()
        return [{name: _naive(value) for name, value in row.items()} for row in found]

    def _relation(self, kind, rows):
        columns = {name: type_.removesuffix(" NOT NULL") for name, type_ in LOGGED[kind].items()}
        self._view(rows, columns, f"logged_{kind}")
        self.spark.sql(facts.text(kind)).createOrReplaceTempView(kind)

    def _view(self, rows, columns, name):
        types = ", ".join(f"{column} {spark_type(type_)}" for column, type_ in columns.items())
        schema = pa.schema([(column, _arrow(type_)) for column, type_ in columns.items()])
        table = pa.Table.from_pylist([dict(row) for row in rows], schema)
        self.spark.createDataFrame(table, types).createOrReplaceTempView(name)


def _arrow(type_):
    if type_.startswith("DECIMAL"):
        return pa.decimal128(38, 12)
    return {
        "VARCHAR": pa.string(), "BIGINT": pa.int64(), "TINYINT": pa.int8(), "BOOLEAN": pa.bool_(),
        "DATE": pa.date32(), "TIMESTAMP": pa.timestamp("us", "UTC"),
    }[type_]  # fmt: skip


def _naive(value):
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value


@pytest.fixture(scope="session")
def count(server):
    """The engine: called with facts and events, it answers rows."""
    return SparkCounts(server.remote)


class Pipeline:
    """Files to facts, with one engine, in folders of its own."""

    def __init__(self, folder, engine, remote, **overrides):
        (folder / "raw_data").mkdir(parents=True)
        self.settings = load_settings(
            raw_data_dir=folder / "raw_data",
            output_dir=folder / "output",
            data_dir=folder / "data",
            settle_seconds=0,
            engine=engine,
            spark_remote=remote,
            **overrides,
        )
        self.store = Warehouse.of(self.settings)

    def ingest(self, of=None):
        """Take the files of days; what became of each kind's."""
        with self.store.connect() as connection:
            return {
                kind: Ingest(connection, self.settings, kind, of or days(), "run").run()
                for kind in KINDS
            }

    def count(self, of=None):
        """Count days anew, agents classified in between."""
        of = of or days()
        if self.settings.engine == "spark":
            again = dict.fromkeys(of, "again")
            self._count_with_spark(of, lambda *group: lambda _: dict.fromkeys(group, again))
        else:
            with self.store.connect() as connection:
                events.bring_back(connection, self.settings, of, "run")
                count_events(connection, of, now=NOW)

    def count_stale(self):
        """Count what is stale, as a run does."""
        self._count_with_spark(days(), stale)

    def _count_with_spark(self, of, asked):
        spark_counting.count(self.store, self.settings, asked(facts.ROLLUP), "run")
        with self.store.connect() as connection, transaction(connection):
            user_agents.classify_days(connection, of, now=NOW)
        spark_counting.count(self.store, self.settings, asked(*facts.FOR_MODELS), "run")

    def rows(self, query):
        with self.store.connect() as connection:
            return connection.execute(query).fetchall()

    def facts(self):
        """All that was counted."""
        with self.store.connect() as connection:
            facts.create(connection)
            Notes.create(connection)
            return {
                counted.name: sorted(
                    connection.execute(
                        f"SELECT {', '.join(counted.columns)} FROM {counted.table}"
                    ).fetchall(),
                    key=repr,
                )
                for counted in facts.ALL
            }

    def ledger(self):
        """What became of each file."""
        return self.rows(
            "SELECT file_name, status, reason, rows, events_other_hour, events_without_time "
            "FROM raw.log_files ORDER BY ALL"
        )


@pytest.fixture
def spark(server, tmp_path):
    return Pipeline(tmp_path / "spark", "spark", SecretStr(server.remote))


@pytest.fixture
def duck(tmp_path):
    return Pipeline(tmp_path / "duckdb", "duckdb", None)
