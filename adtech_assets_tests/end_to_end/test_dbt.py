"""The dbt project on a loaded warehouse, built by dbt alone."""

from __future__ import annotations

import shutil

import duckdb
import pytest

from adtech_assets.environment import PROJECT_DIR
from adtech_assets_tests.end_to_end.conftest import Deployment

DBT = str(PROJECT_DIR / "adtech_dbt")


@pytest.fixture
def copy(loaded, tmp_path):
    """A deployment with a copy of the loaded warehouse."""
    deployment = Deployment(tmp_path)
    deployment.data.mkdir()
    shutil.copy(loaded.data / "warehouse.duckdb", deployment.data)
    return deployment


def rows(deployment):
    """The rows of every model that is a table, and of the snapshots."""
    with duckdb.connect(deployment.data / "warehouse.duckdb", read_only=True) as connection:
        models = connection.execute(
            "SELECT schema_name || '.' || table_name FROM duckdb_tables() "
            "WHERE schema_name IN ('snapshots', 'intermediate', 'marts')"
        ).fetchall()
        return {
            model: connection.execute(f"FROM {model} ORDER BY ALL").fetchall()
            for (model,) in models
        }


def dbt(deployment, *arguments):
    done = deployment.run(
        "dbt", *arguments, "--project-dir", DBT, "--profiles-dir", DBT,
        DBT_TARGET_PATH=str(deployment.data / "dbt"), DBT_LOG_PATH=str(deployment.data / "dbt"),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_a_full_refresh_equals_what_the_days_have_left_and_the_unit_tests_pass(copy):
    incremental = rows(copy)
    assert {
        "snapshots.snap_operational__campaigns",
        "marts.mart_campaign_kpis",
        "marts.fct_user_agent_hourly",
    } <= incremental.keys()
    said = dbt(copy, "build", "--full-refresh")
    assert rows(copy) == incremental
    assert "unit tests" in said
    assert "WARN" not in said.replace("WARN=0", "")
