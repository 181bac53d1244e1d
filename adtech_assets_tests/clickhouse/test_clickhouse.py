"""Every model on ClickHouse's engine has the rows that it has in DuckDB."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from math import isclose

import duckdb
import psycopg
import pytest

from adtech_assets.environment import PROJECT_DIR
from adtech_assets.rollup.facts import ROLLUP
from adtech_assets.settings import Settings, load_settings
from adtech_assets.stores.postgres import Postgres
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.clickhouse import story
from adtech_assets_tests.sample_feed import PROJECT

MODELS = {
    model.name: model for model in PROJECT.models.values() if model.materialized != "snapshot"
}
SNAPSHOTS = [model.table for model in PROJECT.models.values() if model.materialized == "snapshot"]
FIRST_MOMENT = {datetime(1, 1, 1): datetime(1900, 1, 1)}  # noqa: DTZ001
"""Which stands for all the time before: in DuckDB, and in ClickHouse, whose time begins there."""
CLOSE = 1e-12
"""How far two doubles may be from each other, as a share: engines add them up in another order."""


@pytest.fixture(scope="module")
def told(postgres_server, tmp_path_factory):
    """Settings of a warehouse that DuckDB has built."""
    folder = tmp_path_factory.mktemp("clickhouse")
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute('CREATE DATABASE "clickhouse_story"')
    with pytest.MonkeyPatch.context() as environment:
        for name in Settings.model_fields:
            environment.delenv(f"ADTECH_{name.upper()}", raising=False)
        environment.setitem(Settings.model_config, "env_file", None)
        settings = load_settings(
            raw_data_dir=folder / "raw_data",
            data_dir=folder / "data",
            source_database_url=postgres_server.replace("/analytics?", "/clickhouse_story?"),
            settle_seconds=0,
        )
        settings.raw_data_dir.mkdir()
        environment.setenv("ADTECH_DATA_DIR", str(settings.data_dir))
        story.tell(settings, Postgres.of(settings, "source"))
    return settings


@pytest.fixture(scope="module")
def built(told, tmp_path_factory):
    """A folder with what ClickHouse's engine has built of the same sources and snapshots."""
    folder = tmp_path_factory.mktemp("built")
    (folder / "tables").mkdir()
    with Warehouse.of(told).connect() as warehouse:
        # The roll-up, a source of dbt's, is the engine's own.
        for table in ({*PROJECT.sources} - {ROLLUP.table}) | {*SNAPSHOTS}:
            warehouse.execute(
                f"COPY (FROM {table}) TO '{folder}/tables/{table}.parquet' (FORMAT parquet)"
            )
    done = subprocess.run(
        [sys.executable, "-m", "adtech_assets_tests.clickhouse.engine", folder],
        cwd=PROJECT_DIR, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "built"


@pytest.fixture(scope="module")
def engines(told, built):
    """A connection to both: the warehouse, and the files."""
    with duckdb.connect(told.data_dir / "warehouse.duckdb", read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield lambda table: (
            rows(connection, table, table),
            rows(connection, f"'{built}/{table}.parquet'", table),
        )


def rows(connection, relation, table):
    """Rows in the order of all their columns but the doubles, which may differ a bit."""
    columns = connection.execute(f"DESCRIBE {table}").fetchall()
    exact = [name for name, type_, *_ in columns if type_ != "DOUBLE"]
    types = {
        name: type_
        for name, type_, *_ in connection.execute(f"DESCRIBE FROM {relation}").fetchall()
    }
    assert types.keys() == {name for name, *_ in columns}
    # The engine's files have times with a zone, UTC.
    selected = ", ".join(
        f"CAST({name} AS TIMESTAMP) AS {name}" if types[name].startswith("TIMESTAMP") else name
        for name, *_ in columns
    )
    return connection.execute(
        f"SELECT {selected} FROM {relation} ORDER BY {', '.join(exact)}"
    ).fetchall()


def is_same(in_duckdb, in_clickhouse):
    if isinstance(in_duckdb, float) and isinstance(in_clickhouse, float):
        return isclose(in_duckdb, in_clickhouse, rel_tol=CLOSE)
    return FIRST_MOMENT.get(in_duckdb, in_duckdb) == in_clickhouse


def assert_same(in_duckdb, in_clickhouse):
    assert in_duckdb, "nothing is compared"
    assert len(in_duckdb) == len(in_clickhouse)
    for row, other in zip(in_duckdb, in_clickhouse, strict=True):
        assert all(map(is_same, row, other)), (row, other)


@pytest.mark.parametrize("model", MODELS)
def test_a_model_has_the_same_rows(engines, model):
    assert_same(*engines(MODELS[model].table))


def test_the_roll_up_has_the_same_rows(engines):
    assert_same(*engines(ROLLUP.table))
