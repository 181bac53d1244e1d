"""`adtech demo`: what a newcomer types first."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing

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


def test_its_progress_ends_with_the_last_step(demo):
    _, done = demo
    ((finished, steps),) = re.findall(r"━ +(\d+)/(\d+) ", done.stdout)
    assert finished == steps


def test_it_is_quiet_but_for_the_files_that_never_came(demo):
    _, done = demo
    notes = done.stderr.splitlines()
    assert len(notes) == 2
    assert all(
        note.startswith("Note: raw/") and "Gaps between the files' offsets: 2" in note
        for note in notes
    )


def test_there_is_something_to_be_found(demo):
    deployment, _ = demo
    statuses = deployment.query(
        "target",
        "SELECT status, count(DISTINCT event_date)::int AS days "
        "FROM marts.fct_log_reconciliation_daily GROUP BY 1",
    )
    assert {row["status"]: row["days"] for row in statuses} == {"ok": 12, "warn": 1, "breach": 1}
    (traffic,) = deployment.query(
        "target",
        "SELECT count(*)::int AS reasons, sum(ivt_rate) / 14 AS ivt_rate "
        "FROM (SELECT invalid_reason, sum(ivt_rate) AS ivt_rate "
        "FROM marts.fct_traffic_quality_daily GROUP BY 1) AS reasons WHERE ivt_rate > 0",
    )
    assert traffic["reasons"] == 4
    assert 0.03 < traffic["ivt_rate"] < 0.12
    campaigns = deployment.query("target", "SELECT pacing_status FROM marts.mart_campaign_kpis")
    assert {row["pacing_status"] for row in campaigns} == {
        "on_track", "behind", "ahead", "over_budget", "not_started",
    }  # fmt: skip
    (anomalies,) = deployment.query(
        "target", "SELECT sum(anomalous_days)::int AS days FROM marts.mart_campaign_kpis"
    )
    assert anomalies["days"] == 1


def test_it_loads_fourteen_days_of_logs_and_rows(demo):
    deployment, _ = demo
    (loads,) = deployment.query(
        "target", "SELECT count(*) AS days, min(impression_count) > 0 AS busy FROM load_audit"
    )
    (summary,) = deployment.query(
        "target", "SELECT sum(impressions)::int AS impressions FROM marts.fct_daily_summary"
    )
    (source,) = deployment.query("source", "SELECT count(*) AS impressions FROM impressions")
    assert loads == {"days": 14, "busy": True}
    assert summary == source


def test_each_of_its_checks_is_answered_once(demo):
    deployment, _ = demo
    log = deployment.data / "dagster" / "history" / "runs" / "index.db"
    with closing(sqlite3.connect(log)) as connection:
        answers = connection.execute(
            "SELECT execution_status, count(*), count(DISTINCT asset_key || check_name) "
            "FROM asset_check_executions GROUP BY 1"
        ).fetchall()
    told = {status: (number, checks) for status, number, checks in answers}
    assert told["SUCCEEDED"][0] == told["SUCCEEDED"][1] > 100
    assert "PLANNED" not in told


def test_its_days_begin_with_its_data(demo):
    deployment, _ = demo
    (loaded,) = deployment.query("target", "SELECT min(day) AS first FROM load_audit")
    assert deployment.settings.start_date == loaded["first"]


def test_it_refuses_to_mix_with_other_data(demo):
    deployment, _ = demo
    (deployment.data / "demo").unlink()
    done = deployment.run("adtech", "demo")
    assert done.returncode == 1
    assert "not the demo's" in done.stderr
