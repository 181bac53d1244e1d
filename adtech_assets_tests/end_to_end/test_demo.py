"""`adtech demo`: what a newcomer types first."""

from __future__ import annotations

import pytest

from adtech_assets_tests.end_to_end.conftest import Deployment


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    deployment = Deployment(tmp_path_factory.mktemp("demo"))
    done = deployment.run("adtech", "demo")
    assert done.returncode == 0, done.stdout + done.stderr
    return deployment, done


def test_it_prints_the_kpi_tables_and_what_to_try_next(demo):
    _, done = demo
    for expected in ("campaign_ctr", "daily_summary", "adtech dev", "kpi_report.html"):
        assert expected in done.stdout


def test_it_is_quiet(demo):
    _, done = demo
    assert done.stderr == ""


def test_it_loads_seven_days_of_logs_and_rows(demo):
    deployment, _ = demo
    (loads,) = deployment.query(
        "target", "SELECT count(*) AS days, min(impression_count) > 0 AS busy FROM load_audit"
    )
    (summary,) = deployment.query(
        "target", "SELECT sum(impressions)::int AS impressions FROM marts.fct_daily_summary"
    )
    (source,) = deployment.query("source", "SELECT count(*) AS impressions FROM impressions")
    assert loads == {"days": 7, "busy": True}
    assert summary == source


def test_it_refuses_to_mix_with_other_data(demo):
    deployment, _ = demo
    (deployment.data / "demo").unlink()
    done = deployment.run("adtech", "demo")
    assert done.returncode == 1
    assert "not the demo's" in done.stderr
