"""Builds the models on ClickHouse's engine, in a process of its own: one holds one engine.

It is the target `clickhouse` of the dbt project with the adapter dbt-clickhouse, but for one thing:
the adapter's client asks the engine in the process (chdb) where it would ask a server.

    python -m adtech_assets_tests.clickhouse.engine FOLDER

It reads tables from `FOLDER/tables/<schema>.<name>.parquet` and writes what it builds of them to
`FOLDER/built/<schema>.<name>.parquet`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import clickhouse_connect
import yaml
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

from adtech_assets.environment import PROJECT_DIR
from adtech_assets.feed.raw_tables import RAW_TABLES
from adtech_assets.partitions import DayRange
from adtech_assets.rollup.facts import ROLLUP
from adtech_assets_tests.clickhouse.story import DAYS
from adtech_assets_tests.dbt_days import days_option
from adtech_assets_tests.sample_feed import PROJECT

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

DBT = PROJECT_DIR / "adtech_dbt"
TARGET = yaml.safe_load((DBT / "profiles.yml").read_text())["adtech"]["outputs"]["clickhouse"]

client_of_server = clickhouse_connect.get_client


def engine(folder: Path, settings: dict[str, object]) -> Client:
    """A client of the engine in this process."""
    return client_of_server(
        interface="chdb", path=str(folder / "engine"), settings=settings, query_limit=0
    )


def load(client: Client, tables: Path) -> None:
    """Make tables of files; a column without NULL is of a type that has none."""
    for path in sorted(tables.iterdir()):
        schema, _, _ = path.stem.partition(".")
        client.command(f"CREATE DATABASE IF NOT EXISTS {schema}")
        client.command(
            f"CREATE TABLE {path.stem} ENGINE = MergeTree ORDER BY tuple() "
            f"AS SELECT * FROM file('{path}', Parquet)"
        )


def roll_up(client: Client) -> None:
    """Count as the pipeline does, by its own text."""
    for kind, table in RAW_TABLES.items():
        client.command(
            f"CREATE VIEW {kind} AS SELECT file_date, file_hour, user_agent FROM {table}"
        )
    client.command(
        f"CREATE TABLE {ROLLUP.table} ENGINE = MergeTree ORDER BY tuple() AS {ROLLUP.query}"
    )


def build(folder: Path) -> None:
    """Run all models, asked for one day, and one of them again: all its days are made anew."""
    clickhouse_connect.get_client = lambda *, settings, **_: engine(folder, settings)
    places = [f"--project-dir={DBT}", f"--profiles-dir={DBT}", "--target=clickhouse"]
    places += [f"--target-path={folder / 'dbt'}", f"--log-path={folder / 'dbt'}", "--quiet"]
    one_day = days_option(DayRange(DAYS.last, DAYS.last))
    manifest = dbtRunner().invoke(["parse", one_day, *places]).result
    assert isinstance(manifest, Manifest)
    for selected in ("*", "fct_daily_summary"):
        done = dbtRunner(manifest=manifest).invoke(
            ["run", one_day, f"--select={selected}", *places]
        )
        if not done.success:
            sys.exit(1)


def write(client: Client, built: Path) -> None:
    """Make files of all that was built."""
    built.mkdir()
    models = [model.table for model in PROJECT.models.values() if model.materialized != "snapshot"]
    for table in [ROLLUP.table, *models]:
        rows = client.raw_query(f"SELECT * FROM {table}", fmt="Parquet")
        (built / f"{table}.parquet").write_bytes(rows)


if __name__ == "__main__":
    FOLDER = Path(sys.argv[1])
    CLIENT = engine(FOLDER, TARGET["custom_settings"])
    load(CLIENT, FOLDER / "tables")
    roll_up(CLIENT)
    build(FOLDER)
    write(CLIENT, FOLDER / "built")
