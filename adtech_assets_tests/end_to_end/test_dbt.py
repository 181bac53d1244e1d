"""The dbt project on a loaded warehouse, built by dbt alone."""

from __future__ import annotations

import shutil

import duckdb
import pytest

from adtech_assets.settings import PROJECT_DIR
from adtech_assets_tests.end_to_end.conftest import Deployment

MODELS = (
    "intermediate.int_campaign_events_hourly",
    "marts.fct_daily_summary",
    "marts.fct_campaign_ctr",
)
DBT = str(PROJECT_DIR / "adtech_dbt")


@pytest.fixture
def copy(loaded, tmp_path):
    """A deployment with a copy of the loaded warehouse, and the rows of its models."""
    deployment = Deployment(tmp_path)
    deployment.data.mkdir()
    shutil.copy(loaded.data / "warehouse.duckdb", deployment.data)
    return deployment


def rows(deployment):
    with duckdb.connect(deployment.data / "warehouse.duckdb", read_only=True) as connection:
        return {
            model: connection.execute(f"FROM {model} ORDER BY ALL").fetchall() for model in MODELS
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
    said = dbt(copy, "build", "--full-refresh")
    assert rows(copy) == incremental
    assert "unit tests" in said
    assert "WARN" not in said.replace("WARN=0", "")
