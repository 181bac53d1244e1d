"""The dbt project on a loaded warehouse, built by dbt alone."""

from __future__ import annotations

import json
import shutil

import duckdb
import pytest

from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.end_to_end.conftest import Deployment


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


def options(deployment):
    """So that what dbt writes is the test's own."""
    own = deployment.data / "dbt"
    return f"--target-path={own}", f"--log-path={own}"


def dbt(deployment, *arguments):
    return deployment.adtech("dbt", *arguments, *options(deployment))


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


def test_it_waits_while_a_run_uses_the_warehouse(copy):
    command = ("adtech", "dbt", "run", "--select", "dim_dates", *options(copy))
    with Warehouse(copy.data / "warehouse.duckdb").reserved():
        waiting = copy.start(*command)
        assert "Another run is using the warehouse" in waiting.stderr.readline()
        assert waiting.poll() is None
    said, _ = waiting.communicate()
    assert waiting.returncode == 0, said
    assert "PASS=1" in said


def test_a_failing_command_of_dbt_fails(copy):
    assert copy.run("adtech", "dbt", "no-such-command").returncode == 2


def test_its_documentation_begins_with_our_page_and_knows_where_the_marts_are_used(copy):
    dbt(copy, "docs", "generate", "--static")
    page = (copy.data / "dbt" / "static_index.html").read_text(encoding="utf-8")
    assert "where to begin" in page
    manifest = json.loads((copy.data / "dbt" / "manifest.json").read_bytes())
    exposures = manifest["exposures"].values()
    assert all(exposure["url"].startswith("http://127.0.0.1:3000/") for exposure in exposures)
    assert {exposure["owner"]["name"] for exposure in exposures} == {"maintainers"}
