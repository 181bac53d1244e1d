"""Whole runs: what stands in the warehouse and in the target is the same with both engines."""

from __future__ import annotations

import json
import shutil

import duckdb
import pytest

from adtech_assets.feed.quarantine import quarantined_files
from adtech_assets.sample.log_files import generate_log_files
from adtech_assets_tests.end_to_end.conftest import DAYS, SOURCE_ROWS, Deployment, create_schema
from adtech_assets_tests.feed.deliveries import deliver, random_bytes
from adtech_assets_tests.spark.test_equal import HOSTILE_NAMES, flip_a_bit

READ_THEN = {f"marts.dim_{name}" for name in ("advertisers", "campaigns", "campaign_versions")}
"""Dimensions tell when they were read, which is another time in each run."""

OF_A_RUN = ("extracted_at", "classified_at", "loaded_at", "dbt_valid_from", "dbt_updated_at")
FIRST, LAST = map(str, DAYS)


@pytest.fixture(scope="module")
def ran(server, tmp_path_factory):
    """Both deployments after the same run over the same files, good and bad."""
    deployments = []
    for engine in ("duckdb", "spark"):
        deployment = Deployment(tmp_path_factory.mktemp(engine))
        if not deployments:
            generate_log_files(deployment.raw_data, DAYS, events_per_day=1500, ctr=0.2, seed=3)
            for number, name in enumerate(HOSTILE_NAMES):
                deliver(deployment.settings, name, "agent", f"file {number}")
            random_bytes(deployment.raw_data / "impressions_2022052601.parquet")
            damaged = deliver(deployment.settings, "clicks_2022052602.parquet", "agent")
            flip_a_bit(damaged, "device_settings.user_agent")
            shutil.copytree(deployment.raw_data, deployment.folder / "delivered")
        else:
            shutil.copytree(deployments[0].folder / "delivered", deployment.raw_data)
        with deployment.source() as source:
            create_schema(source)
            source.execute(SOURCE_ROWS)
        deployment.adtech(
            *("backfill", "--from", FIRST, "--to", LAST),
            ADTECH_ENGINE=engine,
            ADTECH_SPARK_REMOTE=server.remote,
        )
        deployments.append(deployment)
    return deployments


def contents(deployment):
    """Every table of counts, models and marts, without what is of the run."""
    with duckdb.connect(deployment.settings.warehouse_path, read_only=True) as warehouse:
        tables = warehouse.execute(
            "SELECT schema_name || '.' || table_name FROM duckdb_tables() "
            "WHERE schema_name IN ('rollup', 'intermediate', 'marts')"
        ).fetchall()
        found = {}
        for (table,) in set(tables) - {(name,) for name in READ_THEN}:
            described = warehouse.execute(f"DESCRIBE {table}").fetchall()
            columns = ", ".join(name for name, *_ in described if name not in OF_A_RUN)
            rows = warehouse.execute(f"SELECT {columns} FROM {table} ORDER BY ALL").fetchall()
            found[table] = rows
        return found


def test_every_mart_has_the_same_rows(ran):
    with_duckdb, with_spark = map(contents, ran)

    assert with_spark.keys() == with_duckdb.keys()
    assert {name for name, rows in with_duckdb.items() if rows != with_spark[name]} == set()
    assert len(with_duckdb["marts.fct_campaign_placement_daily"]) > 100


def test_the_audited_table_has_the_same_rows(ran):
    with_duckdb, with_spark = (deployment.log_tables() for deployment in ran)

    assert with_spark == with_duckdb


def test_the_same_files_are_in_quarantine_and_in_the_archive(ran):
    names = [sorted(file.name for file in quarantined_files(each.settings)) for each in ran]
    archived = [
        sorted(path.name for path in each.settings.archive_dir.rglob("*.parquet")) for each in ran
    ]

    assert names[0] == names[1]
    assert len(names[0]) == 2
    assert archived[0] == archived[1]


def test_the_status_is_the_same(ran):
    with_duckdb, with_spark = (json.loads(each.adtech("status", "--json")) for each in ran)

    assert states(with_spark) == states(with_duckdb)
    assert with_spark["files"] == with_duckdb["files"]


def states(status):
    refused = sorted((file["file"], file["reason"]) for file in status["quarantine"])
    return refused, {day: found["state"] for day, found in status["days"].items()}
