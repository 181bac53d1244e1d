"""What a run does: exactly what is stale, on whichever day it is, and no more."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg
import pyarrow.parquet as pq
import pytest

from adtech_assets.cli.running import RUN_CONFIG, selected_assets
from adtech_assets.definitions import build_definitions
from adtech_assets.defs.days import REBUILD_TAG
from adtech_assets.environment import PROJECT_DIR
from adtech_assets.feed import names
from adtech_assets.operational import snapshot
from adtech_assets.partitions import DayRange
from adtech_assets.rollup import user_agents
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.end_to_end import recomputed_marts, recounted_log_marts
from adtech_assets_tests.end_to_end.changing import DAY, DEARER, copied_project
from adtech_assets_tests.end_to_end.recomputed_marts import UNKNOWN
from adtech_assets_tests.hostile.forks import environment
from adtech_assets_tests.sample_feed import SAMPLE

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from adtech_assets_tests.end_to_end.changing import Changing

HOUR = timedelta(hours=1)
LOG_MODELS = (
    "int_log_events_hourly",
    "fct_user_agent_hourly",
    "fct_traffic_quality_daily",
    "fct_log_reconciliation_hourly",
    "fct_log_reconciliation_daily",
)


def only(day: date) -> DayRange:
    return DayRange(day, day)


def look(story: Changing, query: str, *values: object) -> list[tuple[Any, ...]]:
    with Warehouse.of(story.settings).connect() as warehouse:
        return warehouse.execute(query, values).fetchall()


def built_days(story: Changing, run_id: str, *parts: str) -> dict[str, set[date | None]]:
    """The days that a run has built, of some parts or of all, by part."""
    rows = look(story, "SELECT part, day FROM state.versions WHERE run_id = ?", run_id)
    built: dict[str, set[date | None]] = {part: set() for part in parts}
    for part, day in rows:
        if not parts or part in parts:
            built.setdefault(part, set()).add(day)
    return built


def rows_in_target(story: Changing) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, with where it lies and the transaction that wrote it."""
    with story.target.connect(read_only=True) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables "
            "WHERE table_schema IN ('marts', 'public')"
        ).fetchall()
        return {
            table: connection.execute(
                f"SELECT ctid::text, xmin::text FROM {table} ORDER BY 1"
            ).fetchall()
            for (table,) in tables
        }


def written_days(story: Changing, table: str, day: str = "event_date") -> dict[date, set[str]]:
    """The transactions that wrote the rows of each day."""
    with story.target.connect(read_only=True) as connection:
        rows = connection.execute(f"SELECT {day}, xmin::text FROM {table}").fetchall()
    found: dict[date, set[str]] = {}
    for of, transaction in rows:
        found.setdefault(of, set()).add(transaction)
    return found


def evaluations(result: dg.ExecuteInProcessResult) -> dict[dg.AssetCheckKey, Any]:
    return {each.asset_check_key: each for each in result.get_asset_check_evaluations()}


# ---- what failed is caught up ------------------------------------------------------------------


def test_a_day_that_failed_a_blocking_test_is_caught_up_by_the_run_of_another(story, run):
    story.change()
    story.write(TWICE)
    run(DayRange(story.days.first, story.days.last - DAY), succeeds=False)
    story.write(ONCE)

    run(only(story.days.last))

    story.extracted()
    story.assert_published()
    story.assert_loaded()


def test_a_day_whose_model_failed_is_caught_up_by_the_run_of_another(story, run):
    story.change()
    run(select="+processed_log_files")
    look(story, "ALTER TABLE raw.impression_logs RENAME user_agent TO lost")
    run(DayRange(story.days.first, story.days.last - DAY), succeeds=False, select="*")
    look(story, "ALTER TABLE raw.impression_logs RENAME lost TO user_agent")

    run(only(story.days.last))

    story.extracted()
    story.assert_published()


# ---- what time alone changes -------------------------------------------------------------------


def test_an_hour_that_ended_without_an_event_is_published(story, run, monkeypatch):
    """A campaign that has stopped to deliver is seen though nothing has changed in the source."""
    midnight = datetime.combine(story.today, time())
    monkeypatch.setattr(snapshot, "_utc_now", lambda: midnight + DAY - HOUR)
    run()
    story.extracted()
    hours = {row["hour_at"] for row in story.published("fct_campaign_delivery_hourly")}
    monkeypatch.setattr(snapshot, "_utc_now", lambda: midnight + DAY)

    run()

    story.extracted()
    story.assert_published()
    after = {row["hour_at"] for row in story.published("fct_campaign_delivery_hourly")}
    assert after - hours == {midnight + DAY - HOUR}


# ---- what failed is held back from every run ---------------------------------------------------

TWICE = (
    "ALTER TABLE campaign DROP CONSTRAINT campaign_pkey CASCADE;"
    "INSERT INTO campaign SELECT * FROM campaign WHERE id = 1"
)
ONCE = "DELETE FROM campaign WHERE ctid = (SELECT max(ctid) FROM campaign WHERE id = 1)"


def test_a_mart_on_rows_that_failed_a_blocking_test_is_published_by_no_other_run(story, run):
    """As when the UI makes several runs of a range: what fails in one does not stop the next."""
    before = {mart: story.published(mart) for mart in ("fct_campaign_daily", "dim_advertisers")}
    story.write(TWICE)
    run(succeeds=False)
    run(select="marts/fct_campaign_daily")

    run(select="published/fct_campaign_daily", succeeds=False)

    assert "unique_stg_operational__campaigns_campaign_id" in run.failures[0]
    assert {mart: story.published(mart) for mart in before} == before
    story.write(ONCE)
    run(only(story.days.last))
    story.extracted()
    story.assert_published()


def test_a_mart_that_is_held_back_holds_back_no_other(story, run):
    story.change()
    run(select="*", succeeds=True)
    story.extracted()
    look(story, "DELETE FROM state.versions WHERE part LIKE 'test.%fct_daily_summary%'")
    with story.target.connect() as connection:
        connection.execute("DROP TABLE marts.fct_daily_summary, marts.fct_user_agent_hourly")

    run(select="published/fct_daily_summary published/fct_user_agent_hourly", succeeds=False)

    story.assert_published("fct_user_agent_hourly")
    run()
    story.assert_published()


def test_a_day_that_failed_a_blocking_check_is_loaded_by_no_run_until_it_passes(story, run):
    first, last = story.days.first, story.days.last
    story.deliver(first, 20, "late", 5)
    run(only(first), select="+hourly_user_agent_rollup")
    look(story, "UPDATE raw.log_files SET rows = rows + 1 WHERE file_name LIKE '%late%'")
    run(only(first), select="+csv_data_task", succeeds=False)

    for select in ("+csv_data_task", "daily_csv csv_data_task", "csv_data_task"):
        run(only(last), select=select, succeeds=False)
        assert "files_are_complete" in run.failures[0] or "late" in run.failures[0], select
    look(story, "UPDATE raw.log_files SET rows = rows - 1 WHERE file_name LIKE '%late%'")
    run(only(last))

    story.extracted()
    story.assert_loaded()
    story.assert_published()


# ---- code and settings -------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path) -> Path:
    """A copy of the project, to be changed."""
    folder: Path = copied_project(tmp_path / "project")
    return folder


def started_backfill(
    story: Changing, project: Path, days: DayRange, *options: str
) -> subprocess.CompletedProcess[str]:
    """Run `adtech backfill` of a copy of the project to its end."""
    return subprocess.run(
        [
            sys.executable, "-c", "from adtech_assets.cli import main; main()",
            "backfill", "--from", str(days.first), "--to", str(days.last), *options,
        ],
        cwd=project,
        env=environment(story.settings)
        | {"PYTHONPATH": str(project), "DAGSTER_HOME": str(project)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def backfill(story: Changing, project: Path, days: DayRange) -> None:
    done = started_backfill(story, project, days)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_model_whose_sql_has_changed_is_built_again_for_all_days(story, project):
    model = project / "adtech_dbt/models/marts/advertising/fct_daily_summary.sql"
    rate = "{{ ctr('clicks', 'impressions') }} as ctr"
    assert rate in model.read_text()
    model.write_text(model.read_text().replace(rate, "cast(0.25 as double) as ctr"))

    backfill(story, project, only(story.days.last))

    found = story.published("fct_daily_summary")
    assert {(row["event_date"], row["ctr"]) for row in found} == {(day, 0.25) for day in story.days}


def test_the_rows_of_a_model_with_a_new_column_have_it_on_all_days(story, project):
    folder = project / "adtech_dbt/models/marts/advertising"
    model = folder / "fct_daily_summary.sql"
    text = model.read_text()
    last = text.rindex("event_date")
    model.write_text(f"{text[:last]}7 as lucky_number,\n        {text[last:]}")
    described = folder / "_advertising__models.yml"
    text = described.read_text()
    start = text.index("- name: fct_daily_summary")
    columns = text.index("    columns:\n", start) + len("    columns:\n")
    described.write_text(
        f"{text[:columns]}      - name: lucky_number\n        description: For luck.\n"
        f"        data_type: integer\n{text[columns:]}"
    )

    backfill(story, project, only(story.days.last))

    found = story.published("fct_daily_summary")
    assert {(row["event_date"], row["lucky_number"]) for row in found} == {
        (day, 7) for day in story.days
    }


def test_another_user_agent_loads_every_day_again(story, run):
    run(only(story.days.last), user_agent="curl/8.4.0")
    story.assert_loaded("curl/8.4.0")


def test_another_time_zone_builds_the_log_models_of_every_day_again(story, run):
    run(only(story.days.last), timezone="Asia/Tokyo")
    story.set_timezone("Asia/Tokyo")
    story.assert_published()


def test_another_number_of_members_builds_the_placements_of_every_day_again(story, run):
    def impressions():
        found = Counter()
        for row in story.published("fct_campaign_placement_daily"):
            place = row["campaign_id"], row["event_date"], row["publisher_domain"]
            found[place] += row["impressions"]
        return found

    def most_domains(found):
        return max(Counter(place[:2] for place in found if place[0] != UNKNOWN).values())

    before = impressions()
    run(only(story.days.last), most_members=1)
    after = impressions()

    assert most_domains(before) > most_domains(after) == 2
    assert {day for _, day, _ in after} >= set(story.days)
    assert after.total() == before.total()


def test_another_version_of_the_classifier_classifies_every_day_again(story, run, monkeypatch):
    monkeypatch.setattr(user_agents, "RULES_VERSION", 2)
    result = run(only(story.days.last))
    rows = look(story, "SELECT DISTINCT classifier_version FROM rollup.user_agents")
    assert [version.split(" ")[1] for (version,) in rows] == ["2"]
    parts = ("rollup.user_agents", "fct_user_agent_hourly")
    for part, days in built_days(story, result.run_id, *parts).items():
        assert set(story.days) <= days, part


# ---- again, and by hand ------------------------------------------------------------------------


def test_a_rebuild_builds_the_asked_days_again_and_no_others(story, run):
    tables = {
        "public.csv_data_task": "datetime::date",
        "marts.fct_daily_summary": "event_date",
        "marts.fct_user_agent_hourly": "event_date",
    }
    before = {table: written_days(story, table, day) for table, day in tables.items()}

    run(only(story.days.last), rebuild=True)

    for table, day in tables.items():
        after = written_days(story, table, day)
        again = {of for of in after if not after[of] & before[table][of]}
        assert again == {story.days.last}, table
    story.assert_published()
    story.assert_loaded()


def test_the_command_rebuilds_too(story):
    before = written_days(story, "public.csv_data_task", "datetime::date")

    done = started_backfill(story, PROJECT_DIR, only(story.days.last), "--rebuild")

    assert done.returncode == 0, done.stdout + done.stderr
    after = written_days(story, "public.csv_data_task", "datetime::date")
    again = {of for of in after if not after[of] & before[of]}
    assert again == {story.days.last}


def test_published_rows_edited_by_hand_on_the_asked_days_are_mended(story, run):
    with story.target.connect() as connection:
        connection.execute(
            f"""
            UPDATE marts.fct_daily_summary SET impressions = impressions + 1
            WHERE event_date = '{story.days.last}';
            DELETE FROM marts.fct_user_agent_hourly WHERE event_date = '{story.days.last}';
            INSERT INTO marts.fct_campaign_daily
            SELECT 12345, advertiser_id, impressions, clicks, ctr, ctr_low, ctr_high,
                estimated_spend, cpc, ecpm, outside_flight_events, is_in_flight, event_date
            FROM marts.fct_campaign_daily WHERE event_date = '{story.days.last}' LIMIT 1;
            UPDATE marts.dim_campaigns SET campaign_name = 'edited';
            """
        )
    run(only(story.days.last))
    story.assert_published()


def test_loaded_rows_edited_by_hand_on_the_asked_days_are_mended(story, run):
    with story.target.connect() as connection:
        connection.execute(
            f"""
            UPDATE csv_data_task SET click_count = 12345
            WHERE datetime::date = '{story.days.last}';
            DELETE FROM csv_data_task WHERE datetime::date = '{story.days.first}';
            """
        )
    run()
    story.assert_loaded()


def test_a_csv_that_was_edited_or_deleted_is_written_again(story, run):
    with (story.settings.output_dir / f"{story.days.first}.csv").open("a") as file:
        file.write(f"{story.days.first},23,7,7\n")
    (story.settings.output_dir / f"{story.days.last}.csv").unlink()
    run()
    story.assert_loaded()


def test_other_totals_than_were_loaded_are_mended_on_any_day(story, run):
    with story.target.connect() as connection:
        connection.execute(
            f"""
            UPDATE csv_data_task SET click_count = 12345
            WHERE datetime::date = '{story.days.first}';
            """
        )
    run(only(story.days.last))
    story.assert_loaded()


def test_an_edited_csv_is_not_loaded_where_the_load_alone_is_asked_for(story, run):
    with (story.settings.output_dir / f"{story.days.first}.csv").open("a") as file:
        file.write(f"{story.days.first},23,7,7\n")

    run(only(story.days.first), select="csv_data_task", succeeds=False)
    assert "is not what the roll-up has" in " ".join(run.failures)

    run(only(story.days.first))
    story.assert_loaded()


def test_a_rebuild_without_days_mends_what_was_edited_too(story, run):
    run()
    with story.target.connect() as connection:
        connection.execute("UPDATE marts.fct_campaign_hourly SET impressions = impressions + 1")

    job = build_definitions(story.settings).resolve_job_def("daily_pipeline")
    keys = selected_assets("key:published/fct_campaign_hourly")
    job.execute_in_process(
        instance=run.instance,
        tags={REBUILD_TAG: "true"},
        asset_selection=keys,
        run_config=RUN_CONFIG,
    )

    story.assert_published()


def test_one_table_of_events_asked_for_alone_leaves_nothing_that_holds_others_back(story, run):
    story.add_events(random.Random(9), 3)  # noqa: S311 - no secret
    run(select="raw/impressions")

    run(only(story.days.last))

    story.assert_published()


# ---- nothing has changed -----------------------------------------------------------------------


IN_A_NEW_PROCESS = """
import json, sys
from datetime import datetime
from adtech_assets.cli.running import run_days
from adtech_assets.operational import snapshot
from adtech_assets.partitions import DayRange
from adtech_assets.settings import load_settings
hour_ends = datetime.fromisoformat(sys.argv.pop())
snapshot._utc_now = lambda: hour_ends
run_days(load_settings(), DayRange.parse(*sys.argv[1:]))
print(json.dumps([name for name in ("dbt", "polars", "pyarrow.parquet") if name in sys.modules]))
"""


def test_where_nothing_has_changed_dbt_is_not_imported_and_nothing_written(story):
    def run() -> list[str]:
        done = subprocess.run(
            [
                sys.executable, "-c", IN_A_NEW_PROCESS,
                str(story.days.first), str(story.days.last), story.hour_ends.isoformat(),
            ],
            cwd=PROJECT_DIR,
            env=environment(story.settings) | {"DAGSTER_HOME": str(PROJECT_DIR)},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        loaded: list[str] = json.loads(done.stdout.splitlines()[-1])
        return loaded

    before = rows_in_target(story)
    run()  # the exports lie in another folder than those of the copied deployment
    assert run() == []
    assert rows_in_target(story) == before


def test_where_nothing_has_changed_every_asset_says_since_when(run):
    run()
    result = run()
    told: dict[str, list[dict[str, Any]]] = {}
    for event in result.get_asset_materialization_events():
        told.setdefault(event.asset_key.to_user_string(), []).append(event.materialization.metadata)
    # They look after what lies in folders, and count in the source, whatever was there before.
    del told["processed_log_files"], told["raw/extracted_days"]
    assert [
        key for key, each in told.items() if not all("unchanged_since" in one for one in each)
    ] == []
    assert len(told) > 40


def test_a_check_whose_inputs_have_not_changed_keeps_its_verdict(run):
    """Also that a campaign's advertiser is not known, which warns."""
    first, second = evaluations(run(rebuild=True)), evaluations(run())
    assert {key: (each.passed, each.severity) for key, each in second.items()} == {
        key: (each.passed, each.severity) for key, each in first.items()
    }
    warned = [
        each
        for key, each in second.items()
        if key.name.startswith("relationships_stg_operational__campaigns")
    ]
    assert [(each.passed, each.severity) for each in warned] == [
        (False, dg.AssetCheckSeverity.WARN)
    ]
    assert "unchanged_since" in warned[0].metadata


# ---- day by day --------------------------------------------------------------------------------


def test_what_is_told_of_a_day_is_of_that_day(story, run):
    story.change()
    result = run()

    def told(key: str, name: str) -> dict[str, Any]:
        found = run.materializations(result, key)
        return {day: found[str(day)][name] for day in story.days}

    for kind, table in (("impressions", "impression_logs"), ("clicks", "click_logs")):
        files = [
            (names.parse(SAMPLE, path.name, story.today).day, pq.read_metadata(path).num_rows)
            for path in story.counted.glob(f"{kind}_*")
        ]
        events = {day: sum(rows for of, rows in files if of == day) for day in story.days}
        assert told(f"raw/{table}", "files") == {
            day: sum(of == day for of, _ in files) for day in story.days
        }
        assert told(f"raw/{table}", "events") == events
        assert told(f"raw/{table}", "dagster/partition_row_count") == events
        assert told("hourly_user_agent_rollup", kind) == events
    for table in ("impressions", "clicks"):
        with story.source.connect() as connection:
            rows = dict(
                connection.execute(
                    f"SELECT created_at::date, count(*) FROM {table} GROUP BY 1"
                ).fetchall()
            )
        assert told(f"raw/{table}", "dagster/partition_row_count") == {
            day: rows.get(day, 0) for day in story.days
        }
    for mart in ("fct_daily_summary", "fct_user_agent_hourly"):
        published = [row["event_date"] for row in story.published(mart)]
        assert told(f"marts/{mart}", "dagster/partition_row_count") == {
            day: published.count(day) for day in story.days
        }


def test_a_whole_table_says_of_each_asked_day_whether_it_has_changed(story, run):
    def told() -> dict[str | None, bool]:
        found = run.materializations(run(only(story.days.first)), "raw/campaigns")
        return {day: "unchanged_since" in metadata for day, metadata in found.items()}

    told()
    with story.source.connect() as connection:
        connection.execute("UPDATE campaign SET name = name || ' again'")

    assert told() == {str(story.days.first): False}
    assert told() == {str(story.days.first): True}
    found = run.materializations(run(only(story.days.first)), "raw/campaigns")
    assert found[str(story.days.first)]["unchanged_since"].startswith(str(story.today))


def test_a_file_builds_the_log_models_of_the_days_around_its_own_and_no_other(story, run):
    day = story.days.first + DAY
    run()
    story.deliver(day, 22, "around", 30)

    result = run(only(day))

    around = {day - DAY, day, day + DAY}
    assert built_days(story, result.run_id, *LOG_MODELS) == dict.fromkeys(LOG_MODELS, around)
    assert built_days(story, result.run_id, "csv_data_task", "daily_csv") == {
        "csv_data_task": {day},
        "daily_csv": {day},
    }
    assert built_days(story, result.run_id, "int_campaign_events_hourly", "fct_daily_summary") == {
        "int_campaign_events_hourly": set(),
        "fct_daily_summary": set(),
    }
    story.assert_published()
    story.assert_loaded()


def test_rows_of_one_day_build_the_operational_models_of_that_day_and_no_other(story, run):
    day = story.days.first + DAY
    run()
    story.write(
        "INSERT INTO impressions (campaign_id, created_at) VALUES (%(campaign)s, %(day)s)",
        campaign=DEARER,
        day=day,
    )

    result = run()

    by_day = ("raw.impressions", "int_campaign_events_hourly", "fct_daily_summary")
    assert built_days(story, result.run_id, *by_day) == {part: {day} for part in by_day}
    logs = ("raw.impression_logs", "int_log_events_hourly", "fct_user_agent_hourly")
    assert built_days(story, result.run_id, *logs) == {part: set() for part in logs}
    story.extracted()
    story.assert_published(*recomputed_marts.MARTS, *recounted_log_marts.MARTS)
