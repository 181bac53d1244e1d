"""What Dagster sees: every asset, check, job, schedule and sensor, by name."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import dagster as dg
import pytest
from pydantic import SecretStr

from adtech_assets.definitions import build_definitions, defs
from adtech_assets.settings import load_settings
from adtech_assets_tests import lineage_picture
from adtech_assets_tests.other_feed import write_feed

MARTS = {
    "dim_dates",
    "dim_advertisers",
    "dim_campaigns",
    "dim_campaign_versions",
    "fct_campaign_hourly",
    "fct_campaign_daily",
    "fct_advertiser_daily",
    "fct_daily_summary",
    "fct_campaign_pacing_daily",
    "fct_campaign_ctr",
    "mart_campaign_kpis",
    "fct_campaign_ctr_anomalies",
    "fct_campaign_hour_profiles",
    "dim_user_agents",
    "fct_user_agent_hourly",
    "fct_traffic_quality_daily",
    "fct_campaign_traffic_daily",
    "fct_campaign_cost_daily",
    "fct_campaign_viewability_daily",
    "fct_campaign_reach_daily",
    "fct_campaign_click_quality_daily",
    "fct_campaign_landing_pages_daily",
    "fct_campaign_placement_daily",
    "mart_campaign_daily",
    "fct_weekly_movers",
    "fct_campaign_delivery_hourly",
    "fct_campaign_billing_monthly",
    "fct_campaign_billing_differences",
    "fct_log_reconciliation_hourly",
    "fct_log_reconciliation_daily",
}

GRAPH = {
    "landing": {"landing/impression_files", "landing/click_files"},
    "operational": {
        "operational/advertiser",
        "operational/campaign",
        "operational/impressions",
        "operational/clicks",
    },
    "billing": {"billing/closed_campaign_months"},
    "raw": {
        "raw/impression_logs",
        "raw/click_logs",
        "raw/log_files",
        "raw/advertisers",
        "raw/campaigns",
        "raw/impressions",
        "raw/clicks",
        "raw/extracted_days",
    },
    "rollup": {
        "hourly_user_agent_rollup",
        "user_agents",
        "hourly_impressions",
        "hourly_clicks",
        "daily_placements",
        "daily_landing_pages",
    },
    "load": {"daily_csv", "csv_data_task", "processed_log_files"},
    "staging": {
        "staging/stg_operational__advertisers",
        "staging/stg_operational__campaigns",
        "staging/stg_operational__impressions",
        "staging/stg_operational__clicks",
        "staging/stg_operational__extracted_days",
        "staging/stg_logs__log_files",
        "staging/stg_rollup__user_agents",
        "staging/stg_rollup__hourly_impressions",
        "staging/stg_rollup__hourly_clicks",
        "staging/stg_rollup__daily_placements",
        "staging/stg_rollup__daily_landing_pages",
        "staging/stg_billing__closed_campaign_months",
    },
    "snapshots": {
        "snapshots/snap_operational__advertisers",
        "snapshots/snap_operational__campaigns",
    },
    "intermediate": {
        "intermediate/int_campaign_versions",
        "intermediate/int_campaign_events_hourly",
        "intermediate/int_campaign_events_attributed",
        "intermediate/int_campaign_totals",
        "intermediate/int_campaign_terms_daily",
        "intermediate/int_log_events_hourly",
        "intermediate/int_log_events_classified",
        "intermediate/int_log_campaign_events_hourly",
        "intermediate/int_log_campaign_measures_daily",
        "intermediate/int_log_campaign_measures_identified",
        "intermediate/int_log_campaign_versions",
        "intermediate/int_log_landing_pages_daily",
        "intermediate/int_log_placements_daily",
        "intermediate/int_hours",
        "intermediate/int_log_campaign_days",
        "intermediate/int_campaign_billing_days",
        "intermediate/int_campaign_billing_months",
    },
    "marts": {f"marts/{mart}" for mart in MARTS},
    "serving": {
        *(f"published/{mart}" for mart in MARTS),
        "exports/campaign_ctr",
        "exports/daily_summary",
        "exports/campaign_billing",
        "kpi_report",
    },
}

BUILT_BY_DAY = {
    "intermediate/int_campaign_events_hourly",
    "intermediate/int_log_events_hourly",
    "intermediate/int_log_events_classified",
    "intermediate/int_log_campaign_events_hourly",
    "intermediate/int_log_campaign_measures_daily",
    "intermediate/int_log_landing_pages_daily",
    "intermediate/int_log_placements_daily",
    "marts/fct_daily_summary",
    "marts/fct_user_agent_hourly",
    "marts/fct_traffic_quality_daily",
    "marts/fct_log_reconciliation_hourly",
    "marts/fct_log_reconciliation_daily",
}

READ_BY_DAY = {
    *GRAPH["staging"]
    - {"staging/stg_operational__advertisers", "staging/stg_billing__closed_campaign_months"},
    "snapshots/snap_operational__campaigns",
    "intermediate/int_campaign_versions",
}
"""Not built by day themselves, but read by what is."""

WHOLE = {
    "operational/advertiser",
    "operational/campaign",
    *GRAPH["billing"],
    *GRAPH["staging"] - READ_BY_DAY,
    *GRAPH["snapshots"] - READ_BY_DAY,
    *GRAPH["intermediate"] - READ_BY_DAY - BUILT_BY_DAY,
    *GRAPH["marts"] - BUILT_BY_DAY,
    *GRAPH["serving"],
}

LOG_CHECKS = {
    "files_are_complete",
    "no_file_is_quarantined",
    "no_file_is_early",
    "offsets_are_counted_once",
    "offsets_have_no_gaps",
}

# Checks of this package; dbt's tests are checks too, and as many as there are tests.
CHECKS = {
    "raw/impression_logs": LOG_CHECKS,
    "raw/click_logs": LOG_CHECKS,
    "raw/impressions": {"rows_equal_source", "rows_have_a_day"},
    "raw/clicks": {"rows_equal_source", "rows_have_a_day"},
    "hourly_user_agent_rollup": {"rollup_totals_raw", "clicks_within_impressions"},
    "user_agents": {"every_agent_is_classified"},
    "hourly_impressions": {"events_are_counted_once"},
    "hourly_clicks": {"events_are_counted_once"},
    "daily_placements": {"events_are_counted_once"},
    "daily_landing_pages": {"events_are_counted_once"},
    "daily_csv": {"csv_equals_rollup"},
    "csv_data_task": {"table_equals_csv"},
    "landing/impression_files": {"yesterday_is_loaded"},
    "processed_log_files": {"counts_are_conserved"},
    **{f"published/{mart}": {"rows_equal_mart"} for mart in MARTS},
}

BLOCK_NOTHING = {
    "no_file_is_early",
    "no_file_is_quarantined",
    "offsets_have_no_gaps",
    "rows_have_a_day",
    "counts_are_conserved",
    "yesterday_is_loaded",
    "clicks_within_impressions",
    "rows_equal_mart",
}


@pytest.fixture(scope="module")
def graph():
    return defs.resolve_asset_graph()


@pytest.fixture(scope="module")
def nodes(graph):
    return {node.key.to_user_string(): node for node in graph.asset_nodes}


def test_every_asset_is_in_its_group(nodes):
    groups = {}
    for name, node in nodes.items():
        groups.setdefault(node.group_name, set()).add(name)
    assert groups == GRAPH


def test_every_asset_but_the_whole_ones_is_partitioned_by_day(nodes):
    assert {name for name, node in nodes.items() if not node.is_partitioned} == WHOLE


def test_nothing_that_is_built_whole_lies_between_what_has_partitions(graph):
    """So a range that is asked for in the UI is one run up to the last of these, and one more."""
    whole = {node.key for node in graph.asset_nodes if not node.is_partitioned}
    after_whole = dg.AssetSelection.assets(*whole & graph.executable_asset_keys).downstream()
    assert {key for key in after_whole.resolve(graph) if graph.get(key).is_partitioned} == set()


def test_nothing_that_cannot_be_materialized_lies_behind_what_can(graph):
    """The UI leaves what stands on such a thing out of a range, and its checks with it."""
    found = graph.executable_asset_keys
    behind = dg.AssetSelection.assets(*found).downstream().resolve(graph)
    assert behind - found == set()


def test_every_asset_has_owner_kind_and_description(nodes):
    incomplete = [
        name
        for name, node in nodes.items()
        if not (node.owners and node.kinds and node.description)
    ]
    assert incomplete == []


def test_every_column_of_a_table_is_described(nodes):
    shown = {
        f"{name}.{column.name}": column.description
        for name, node in nodes.items()
        if node.group_name in ("raw", "rollup", "load", "marts", "serving", "billing")
        and "dagster/column_schema" in node.metadata
        for column in node.metadata["dagster/column_schema"].columns
    }
    assert len(shown) > len(nodes)
    assert [column for column, text in shown.items() if not text] == []


def test_every_check_says_what_is_true_when_it_passes(graph):
    checks = [graph.get_check_spec(key) for key in graph.asset_check_keys]
    assert [check.key for check in checks if not check.description] == []


def test_a_column_of_a_model_says_what_it_is_made_of(nodes):
    columns = nodes["marts/fct_daily_summary"].metadata["dagster/column_schema"].columns
    (ctr,) = (column for column in columns if column.name == "ctr")
    assert ctr.description.endswith(
        "From `int_campaign_events_hourly.clicks`, `int_campaign_events_hourly.impressions`"
    )


def test_every_asset_leads_to_its_code(graph, nodes):
    linked = {
        name: [file.file_path for file in node.metadata["dagster/code_references"].code_references]
        for name, node in nodes.items()
        if node.key in graph.executable_asset_keys
    }
    assert all(Path(file).is_file() for files in linked.values() for file in files)
    mart = linked["marts/fct_daily_summary"]
    assert [Path(file).name for file in mart] == ["fct_daily_summary.sql", "models.py"]


def test_what_comes_in_and_what_goes_out_is_to_be_fresh(nodes):
    fresh = {name for name, node in nodes.items() if node.freshness_policy_or_from_metadata}
    files = {"exports/campaign_ctr", "exports/daily_summary", "exports/campaign_billing"}
    assert fresh == GRAPH["raw"] - {"raw/log_files"} | GRAPH["serving"] - files | {"csv_data_task"}


def test_the_report_is_linked_where_it_is_served(settings):
    key = dg.AssetKey("kpi_report")
    served = load_settings(**{**dict(settings), "report_url": "/report"})
    for built_of, link in ((settings, None), (served, dg.MetadataValue.url("/report"))):
        spec = build_definitions(built_of).resolve_assets_def(key).get_asset_spec(key)
        assert spec.metadata.get("report") == link


def test_no_asset_stands_alone(nodes):
    alone = [name for name, node in nodes.items() if not node.parent_keys and not node.child_keys]
    assert alone == []


def test_everything_comes_from_a_delivered_source(nodes):
    roots = {name for name, node in nodes.items() if not node.parent_keys}
    assert roots == GRAPH["landing"] | GRAPH["operational"] | GRAPH["billing"]


def test_published_tables_come_from_the_operational_tables(graph):
    upstream = dg.AssetSelection.assets("published/fct_campaign_ctr").upstream().resolve(graph)
    assert (
        dg.AssetKey(["operational", "clicks"])
        in graph.get(dg.AssetKey(["raw", "clicks"])).parent_keys
    )
    assert dg.AssetKey(["raw", "clicks"]) in upstream


def test_every_stage_has_its_checks(graph):
    found = {}
    for key in graph.asset_check_keys:
        found.setdefault(key.asset_key.to_user_string(), set()).add(key.name)
    assert {asset: found[asset] & names for asset, names in CHECKS.items()} == CHECKS
    assert GRAPH["marts"] <= found.keys()


def test_checks_block_where_a_wrong_number_would_be_published(graph):
    blocking = {
        (node.key.asset_key.to_user_string(), node.key.name): node.blocking
        for node in graph.asset_check_nodes
        if node.key.asset_key.to_user_string() in CHECKS
        and node.key.name in CHECKS[node.key.asset_key.to_user_string()]
    }
    assert {name for (_, name), blocks in blocking.items() if not blocks} == BLOCK_NOTHING


def test_job_schedule_and_sensor_are_there_and_on():
    sensors = {sensor.name: sensor.default_status for sensor in defs.sensors or []}
    schedules = defs.schedules or []
    assert [job.name for job in defs.jobs or []] == ["daily_pipeline", "freshness", "retention"]
    assert {
        (schedule.name, schedule.job_name, schedule.cron_schedule) for schedule in schedules
    } == {
        ("daily_pipeline_schedule", "daily_pipeline", "0 0 * * *"),
        ("freshness_schedule", "freshness", "0 6 * * *"),
        ("retention_schedule", "retention", "0 5 * * *"),
    }
    assert {schedule.execution_timezone for schedule in schedules} == {"Europe/Copenhagen"}
    assert {s.default_status for s in schedules} == {dg.DefaultScheduleStatus.RUNNING}
    assert sensors == {
        "new_log_files": dg.DefaultSensorStatus.RUNNING,
        "alerts": dg.DefaultSensorStatus.STOPPED,
    }


def test_alerts_are_on_where_there_is_anybody_to_tell(settings):
    wanted = settings.model_copy(update={"alerts": SecretStr("json://127.0.0.1")})
    [alerts] = [each for each in build_definitions(wanted).sensors or [] if each.name == "alerts"]
    assert alerts.default_status == dg.DefaultSensorStatus.RUNNING


def test_a_run_asks_every_check_but_the_one_about_yesterday(graph):
    asked = defs.resolve_job_def("daily_pipeline").asset_layer.asset_graph.asset_check_keys
    assert {key.name for key in graph.asset_check_keys - set(asked)} == {"yesterday_is_loaded"}


def test_a_backfill_of_the_job_asks_the_checks_that_a_run_asks(graph):
    """It names the assets and no checks, which means all of theirs."""
    job = defs.resolve_job_def("daily_pipeline")
    of_the_assets = dg.AssetSelection.checks_for_assets(
        *job.asset_layer.executable_asset_keys
    ).resolve_checks(graph)
    assert set(job.asset_layer.asset_graph.asset_check_keys) == of_the_assets


def test_a_range_of_every_asset_is_one_run(nodes):
    several = [
        name
        for name, node in nodes.items()
        if node.is_materializable and node.backfill_policy != dg.BackfillPolicy.single_run()
    ]
    assert several == []


def test_loading_them_loads_neither_dbt_nor_a_reader_of_files():
    """A process that has nothing to build does without: 1.4 s and 0.5 s."""
    loaded = subprocess.run(
        [
            *(sys.executable, "-W", "ignore", "-c"),
            "import sys, adtech_assets.definitions; print(*sys.modules)",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()

    assert not {
        *("dbt", "dagster_dbt", "sqlglot"),
        *("polars", "pyarrow", "adbc_driver_postgresql", "jinja2", "ua_parser"),
    } & set(loaded)


def test_the_picture_in_the_documents_shows_this_graph():
    """If not: `make lineage`."""
    assert lineage_picture.PICTURE.read_text(encoding="utf-8") == lineage_picture.picture()


IMPORT_ALL = """
import gc, importlib, os, pkgutil
import adtech_assets

def seen():
    os.umask(umask := os.umask(0))
    return umask, gc.get_threshold(), {n: v for n, v in os.environ.items() if "MALLOC" not in n}

before = seen()
for module in pkgutil.walk_packages(adtech_assets.__path__, "adtech_assets."):
    if module.name not in ("adtech_assets.definitions", "adtech_assets.cli.running"):
        importlib.import_module(module.name)
assert seen() == before, (seen(), before)
"""


def test_importing_a_module_reads_no_setting_and_changes_nothing():
    """But for the assembly, which Dagster imports to have the graph of this process."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", IMPORT_ALL],
        env={**os.environ, "ADTECH_START_DATE": "no date"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_the_graph_is_that_of_the_settings_it_is_built_from(settings, tmp_path):
    other = load_settings(
        **{**dict(settings), "start_date": date(2026, 1, 1), "feed": write_feed(tmp_path)}
    )

    ours, theirs = build_definitions(settings), build_definitions(other)

    key = dg.AssetKey(["raw", "impression_logs"])
    for graph, built_of in ((ours, settings), (theirs, other)):
        spec = graph.resolve_assets_def(key).get_asset_spec(key)
        columns = spec.metadata["dagster/column_schema"].columns
        assert {column.name for column in columns} >= built_of.feed.stored("impressions").keys()
        for name in ("raw/impression_logs", "marts/fct_daily_summary", "daily_csv"):
            days = graph.resolve_assets_def(dg.AssetKey.from_user_string(name)).partitions_def
            assert days.get_first_partition_key() == str(built_of.start_date)
    assert ours.resolve_assets_def(key).get_asset_spec(key) != theirs.resolve_assets_def(
        key
    ).get_asset_spec(key)
