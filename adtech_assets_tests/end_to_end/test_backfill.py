"""`adtech backfill`: from files and source tables to what people read."""

from __future__ import annotations

import csv
import json
import os
import signal
import time
from collections import Counter
from typing import TYPE_CHECKING

import dagster as dg
import polars as pl

from adtech_assets.logs import names
from adtech_assets_tests.end_to_end.conftest import DAYS

if TYPE_CHECKING:
    from pathlib import Path


# Without dbt, which takes more than half of a run, where a test is about log files only.
LOGS_ONLY = ("--select", "+processed_log_files")
BACKFILL = ("backfill", "--from", "2022-05-26", "--to", "2022-05-27")


def naive_counts(log_files: Path, user_agent: str) -> Counter[tuple[str, int, str]]:
    """Events by day, hour and kind, counted in Python."""
    counts: Counter[tuple[str, int, str]] = Counter()
    for path in log_files.iterdir():
        name = names.parse(path.name, DAYS[-1])
        for event in pl.read_parquet(path, columns=["device_settings"])["device_settings"]:
            if event["user_agent"] == user_agent:
                counts[str(name.day), name.hour, name.kind] += 1
    return counts


def test_daily_csv_holds_what_a_naive_count_of_the_files_gives(loaded, log_files):
    expected = naive_counts(log_files, "some user agent")
    found: Counter[tuple[str, int, str]] = Counter()
    for day in DAYS:
        with (loaded.output / f"{day}.csv").open() as source:
            for row in csv.DictReader(source):
                found[row["date"], int(row["hour"]), "impressions"] = int(row["impression_count"])
                found[row["date"], int(row["hour"]), "clicks"] = int(row["click_count"])
    assert +found == expected


def test_audited_table_holds_the_rows_of_the_csv(loaded):
    rows = loaded.query(
        "target",
        "SELECT datetime::date::text AS date, extract(hour FROM datetime)::int::text AS hour, "
        "impression_count::text, click_count::text FROM csv_data_task ORDER BY datetime",
    )
    from_csv = [
        row for day in DAYS for row in csv.DictReader((loaded.output / f"{day}.csv").open())
    ]
    assert rows == from_csv


def test_landing_folder_is_empty_and_the_archive_has_every_file(loaded, log_files):
    archived = {path.name for path in (loaded.data / "archive").rglob("*.parquet")}
    assert list(loaded.raw_data.iterdir()) == []
    assert archived == {path.name for path in log_files.iterdir()}


def test_daily_summary_equals_a_plain_count_on_the_source(loaded):
    plain = loaded.query(
        "source",
        """
        SELECT day::date::text AS event_date,
            (SELECT count(*) FROM impressions WHERE created_at::date = day::date) AS impressions,
            (SELECT count(*) FROM clicks WHERE created_at::date = day::date) AS clicks
        FROM generate_series('2022-05-26'::date, '2022-05-27', '1 day') AS day ORDER BY 1
        """,
    )
    published = loaded.query(
        "target",
        "SELECT event_date::text, impressions, clicks FROM marts.fct_daily_summary ORDER BY 1",
    )
    assert published == plain


def test_campaign_ctr_has_every_campaign_and_the_events_of_unknown_ones(loaded):
    rows = loaded.query(
        "target",
        "SELECT campaign_id, campaign_name, impressions, clicks, ctr "
        "FROM marts.fct_campaign_ctr ORDER BY campaign_id",
    )
    assert [tuple(row.values()) for row in rows] == [
        (-1, "unknown campaign", 2, 1, 0.5),
        (1, "Spring", 4, 1, 0.25),
        (2, "Summer", 3, 1, 1 / 3),
        (3, "Nothing yet", 0, 0, None),
    ]


def test_status_says_what_is_loaded(loaded, log_files):
    status = json.loads(loaded.adtech("status", "--json"))
    assert status["days"]["2022-05-25"]["state"] == "missing"
    assert [status["days"][str(day)]["state"] for day in DAYS] == ["loaded", "loaded"]
    assert status["files"] == {
        "loaded": len(list(log_files.iterdir())),
        "duplicate": 0,
        "quarantined": 0,
    }
    assert status["quarantine"] == []


def test_exports_and_report_are_written(loaded):
    exports = loaded.data / "exports"
    campaigns = pl.read_csv(exports / "campaign_ctr.csv")
    assert campaigns.equals(pl.read_parquet(exports / "campaign_ctr.parquet"))
    assert "Nothing yet" in (exports / "kpi_report.html").read_text()


def test_loading_again_changes_nothing_but_the_audit_time(deployment):
    """The models too: a job backfill of a loaded deployment leaves its tables, see test_dagster."""
    deployment.adtech(*BACKFILL, *LOGS_ONLY)
    first = deployment.log_tables()
    deployment.adtech(*BACKFILL, *LOGS_ONLY)
    assert deployment.log_tables() == first


def test_late_files_and_rows_are_added_to_their_day(deployment, loaded, log_files):
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
    deployment.adtech(*BACKFILL)
    assert deployment.tables() == loaded.tables()


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
    deployment.adtech(*BACKFILL)
    assert deployment.tables() == loaded.tables()


def test_two_runs_at_once_give_the_result_of_one(deployment, loaded):
    processes = [deployment.start("adtech", *BACKFILL) for _ in range(2)]
    outputs = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert deployment.tables() == loaded.tables()


def test_dagster_knows_rows_columns_and_lineage_of_what_was_loaded(loaded, monkeypatch):
    for name, value in loaded.environment.items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.get() as instance:

        def metadata(*key):
            event = instance.get_latest_materialization_event(dg.AssetKey(key))
            return event.asset_materialization.metadata

        rows = {
            key: metadata(*key)["dagster/row_count"].value
            for key in (("raw", "impressions"), ("marts", "fct_daily_summary"), ("csv_data_task",))
        }
        lineage = metadata("marts", "fct_daily_summary")["dagster/column_lineage"].lineage
        schema = metadata("published", "fct_campaign_ctr")["dagster/column_schema"].schema
        days = instance.get_materialized_partitions(dg.AssetKey("csv_data_task"))
    assert rows[("raw", "impressions")] == 9
    assert rows[("marts", "fct_daily_summary")] == 2
    assert rows[("csv_data_task",)] > 0
    assert {column.column_name for column in lineage.deps_by_column["ctr"]} == {
        "impressions",
        "clicks",
    }
    assert [column.name for column in schema.columns] == [
        "campaign_id",
        "campaign_name",
        "impressions",
        "clicks",
        "ctr",
    ]
    assert days == {str(day) for day in DAYS}


def test_results_are_printed_or_written_as_files(loaded, tmp_path):
    assert "Spring" in loaded.adtech("results")
    for suffix in ("csv", "parquet"):
        loaded.adtech("results", "--format", suffix, "--output", str(tmp_path))
    written = pl.read_csv(tmp_path / "campaign_ctr.csv")
    assert written["campaign_name"].to_list() == [
        "unknown campaign",
        "Spring",
        "Summer",
        "Nothing yet",
    ]
    assert written.equals(pl.read_parquet(tmp_path / "campaign_ctr.parquet"))


def test_sql_answers_in_every_form(loaded):
    question = (
        "sql",
        "target",
        "SELECT event_date, clicks FROM marts.fct_daily_summary ORDER BY 1",
    )
    assert loaded.adtech(*question, "--format", "csv").splitlines() == [
        "event_date,clicks",
        "2022-05-26,1",
        "2022-05-27,2",
    ]
    assert json.loads(loaded.adtech(*question, "--format", "json")) == [
        {"event_date": "2022-05-26", "clicks": 1},
        {"event_date": "2022-05-27", "clicks": 2},
    ]
    assert "event_date" in loaded.adtech(*question)
