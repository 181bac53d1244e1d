"""`adtech backfill`: from files and source tables to what people read."""

from __future__ import annotations

import csv
import json
from collections import Counter
from typing import TYPE_CHECKING

import dagster as dg
import polars as pl

from adtech_assets.feed import names
from adtech_assets_tests.end_to_end.conftest import DAYS
from adtech_assets_tests.sample_feed import SAMPLE

if TYPE_CHECKING:
    from pathlib import Path


def naive_counts(log_files: Path, user_agent: str) -> Counter[tuple[str, int, str]]:
    """Events by day, hour and kind, counted in Python."""
    counts: Counter[tuple[str, int, str]] = Counter()
    for path in log_files.iterdir():
        name = names.parse(SAMPLE, path.name, DAYS[-1])
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


def test_dagster_knows_the_rows_of_each_day(loaded, monkeypatch):
    for name, value in loaded.environment.items():
        monkeypatch.setenv(name, value)

    def rows(*key):
        """Of each day, by the latest materialization of its partition."""
        records = instance.fetch_materializations(dg.AssetKey(key), limit=100).records
        return {
            record.partition_key: record.asset_materialization.metadata[
                "dagster/partition_row_count"
            ].value
            for record in reversed(records)
        }

    with dg.DagsterInstance.get() as instance:
        impressions, loads = rows("raw", "impressions"), rows("csv_data_task")
        days = rows("marts", "fct_daily_summary")
    assert impressions.keys() == loads.keys() == days.keys() == {str(day) for day in DAYS}
    assert sum(impressions.values()) == 8, "and one of no day"
    assert set(days.values()) == {1}
    assert (
        loaded.adtech("sql", "target", "SELECT count(*) FROM csv_data_task", "--format", "csv")[
            -len(f"{sum(loads.values())}\n") :
        ]
        == f"{sum(loads.values())}\n"
    )


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
