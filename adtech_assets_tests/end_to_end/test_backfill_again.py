"""`adtech backfill` of days that are loaded already, in part, or by somebody else right now."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter

import polars as pl

from adtech_assets_tests.end_to_end.conftest import DAYS

# Without dbt, which takes more than half of a run, where a test is about log files only.
LOGS_ONLY = ("--select", "+processed_log_files")
BACKFILL = ("backfill", "--from", "2022-05-26", "--to", "2022-05-27")


def test_loading_again_changes_nothing_but_the_audit_time(deployment):
    """The models too: a job backfill of a loaded deployment leaves its tables, see test_dev."""
    deployment.adtech(*BACKFILL, *LOGS_ONLY)
    first = deployment.log_tables()
    deployment.adtech(*BACKFILL, *LOGS_ONLY)
    assert deployment.log_tables() == first


def test_late_files_are_added_to_their_day(deployment, loaded, log_files):
    files = sorted(path.name for path in log_files.iterdir())
    late = files[1::2]
    for name in late:
        (deployment.raw_data / name).rename(deployment.folder / name)
    deployment.adtech(*BACKFILL, *LOGS_ONLY)
    for name in late:
        (deployment.folder / name).rename(deployment.raw_data / name)
    assert json.loads(deployment.adtech("status", "--json"))["days"]["2022-05-27"]["state"] == (
        "stale"
    )
    deployment.adtech(*BACKFILL, *LOGS_ONLY)
    assert deployment.log_tables() == loaded.log_tables()


def test_a_bad_file_is_told_in_one_line_and_the_others_load(deployment, loaded):
    (deployment.raw_data / "impressions_2022052611.parquet").write_bytes(b"not parquet")
    done = deployment.run("adtech", *BACKFILL, *LOGS_ONLY)
    notes = [line for line in done.stderr.splitlines() if "impressions_2022052611" in line]
    assert done.returncode == 0
    assert len(notes) == 1, done.stderr
    assert "[not_parquet]" in notes[0]
    counts = "SELECT datetime, impression_count, click_count FROM csv_data_task ORDER BY 1"
    assert deployment.query("target", counts) == loaded.query("target", counts)
    status = json.loads(deployment.adtech("status", "--json"))
    assert [file["reason"] for file in status["quarantine"]] == ["not_parquet"]


def test_another_user_agent_gives_its_own_counts(deployment, log_files):
    deployment.adtech(*BACKFILL, *LOGS_ONLY, ADTECH_USER_AGENT="*")
    (totals,) = deployment.query(
        "target",
        "SELECT sum(impression_count)::int AS i, sum(click_count)::int AS c FROM csv_data_task",
    )
    rows = Counter[str]()
    for path in log_files.iterdir():
        rows[path.name.split("_")[0]] += pl.read_parquet(path).height
    assert totals == {"i": rows["impressions"], "c": rows["clicks"]}


def test_a_run_killed_in_the_middle_is_completed_by_the_next(deployment, loaded):
    process = deployment.start("adtech", *BACKFILL)
    while not (deployment.output / f"{DAYS[0]}.csv").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    deployment.adtech(*BACKFILL, *LOGS_ONLY)
    assert deployment.log_tables() == loaded.log_tables()


def test_two_runs_at_once_give_the_result_of_one(deployment, loaded):
    processes = [deployment.start("adtech", *BACKFILL) for _ in range(2)]
    outputs = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert deployment.tables() == loaded.tables()
