"""Hostile rows of the operational database, and what they do to the KPI marts.

The marts are built three times, in the one deployment `story`, and many tests look at the result:
before any day is asked for; for two days; and for a third one, after campaigns have been deleted
and renamed at the source.
"""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

import dagster as dg
import psycopg
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.adapters.factory import reset_adapters

from adtech_assets import report
from adtech_assets.defs import checks
from adtech_assets.defs.assets import models, publish, raw
from adtech_assets.defs.assets.publish import public_marts
from adtech_assets.defs.assets.raw import EXTRACTED_DAYS_KEY, RAW_OPERATIONAL_KEYS
from adtech_assets.defs.days import daily, with_days
from adtech_assets.defs.resources import build_resources
from adtech_assets.environment import PROJECT_DIR
from adtech_assets.operational import snapshot
from adtech_assets.operational.schema import create_schema
from adtech_assets.partitions import DayRange
from adtech_assets.publish import exports, publication
from adtech_assets.publish.marts import KPI_TABLES
from adtech_assets.settings import Settings, load_settings
from adtech_assets.stores.outputs import REPORT_NAME
from adtech_assets.stores.postgres import Postgres
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.dbt_days import days_option
from adtech_assets_tests.feed.deliveries import DAY, FIRST, NEXT_DAY, days
from adtech_assets_tests.hostile.conftest import Pipeline
from adtech_assets_tests.hostile.zones import elsewhere
from adtech_assets_tests.publish.exported import read
from adtech_assets_tests.sample_feed import PROJECT

QUIET_DAY = date(2022, 5, 25)
"""A day without an event."""

UNKNOWN = -1

SPRING, DELETED, RENAMED, NO_FACTS, BACKWARDS, ENDLESS, CLICKED = range(1, 8)
ORPHAN = 99

FIRST_DAYS = f"""
INSERT INTO advertiser (id, name) VALUES (1, 'Acme');
INSERT INTO campaign (id, name, bid, budget, start_date, end_date, advertiser_id) VALUES
    ({SPRING}, 'Spring', 0.5, 100, '2022-05-01', '2022-06-01', 1),
    ({DELETED}, 'Deleted later', 0.5, 100, '2022-05-01', '2022-06-01', 1),
    ({RENAMED}, 'Old name', 0.5, 100, '2022-05-01', '2022-06-01', 1),
    ({NO_FACTS}, 'No dates, no budget', 0, 0, NULL, NULL, NULL),
    ({BACKWARDS}, 'Ends before it starts', 0.5, 0, '2022-06-01', '2022-05-01', 1),
    ({ENDLESS}, 'Without an end', 0.5, 100, '-infinity', 'infinity', 1),
    ({CLICKED}, 'More clicks than impressions', 0.5, 100, '2022-05-26', '2022-05-26', 1);
INSERT INTO impressions (campaign_id, created_at) VALUES
    ({SPRING}, '2022-05-26 00:00'), ({SPRING}, '2022-05-26 23:59:59.999999'), ({SPRING}, NULL),
    ({DELETED}, '2022-05-26 10:00'), ({DELETED}, '2022-05-26 11:00'),
    ({RENAMED}, '2022-05-26 12:00'),
    ({BACKWARDS}, '2022-05-26 13:00'),
    ({CLICKED}, '2022-05-26 14:00'),
    ({ORPHAN}, '2022-05-26 15:00'), (NULL, '2022-05-26 16:00'), (NULL, '2022-05-26 17:00');
INSERT INTO clicks (campaign_id, created_at) VALUES
    ({DELETED}, '2022-05-26 10:01'),
    ({CLICKED}, '2022-05-26 14:01'), ({CLICKED}, '2022-05-26 14:02'),
    ({ORPHAN}, '2022-05-26 15:01'), (NULL, NULL);
"""

THIRD_DAY = f"""
DELETE FROM campaign WHERE id = {DELETED};
UPDATE campaign SET name = 'New name' WHERE id = {RENAMED};
INSERT INTO impressions (campaign_id, created_at) VALUES ({RENAMED}, '2022-05-27 12:00');
INSERT INTO clicks (campaign_id, created_at) VALUES
    ({SPRING}, '2022-05-27 00:00:01'), ({RENAMED}, '2022-05-27 12:01');
"""

DBT = str(PROJECT_DIR / "adtech_dbt")
MODELS = ["+fct_daily_summary", "+fct_campaign_ctr"]
"""The marts under test with all that they are made of: operational rows, no log files."""


class Counts(NamedTuple):
    """Of a day or a campaign, as published."""

    impressions: int
    clicks: int
    ctr: float | None


@dataclass
class Served:
    """What a run has left for its readers."""

    days: dict[date, Counts]
    campaigns: dict[int, Counts]
    names: dict[int, str]
    csv: dict[str, list[str]]
    """Lines of each exported CSV."""
    warned: set[str]
    """Tests of the models that warned."""


@dataclass
class Marts:
    """The operational branch of the pipeline, step by step: extract, build, publish, export."""

    settings: Settings

    @property
    def source(self) -> Postgres:
        return Postgres.of(self.settings, "source")

    @property
    def target(self) -> Postgres:
        return Postgres.of(self.settings, "target")

    def write(self, statements):
        with self.source.connect() as connection:
            connection.execute(statements)

    def look(self, query):
        with Warehouse.of(self.settings).connect() as warehouse:
            return warehouse.execute(query).fetchall()

    def run(self, of: DayRange | None) -> Served:
        with Warehouse.of(self.settings).connect() as warehouse:
            snapshot.extract(warehouse, self.source, of, snapshot.RAW_TABLES, "run")
        warned = self._build(of)
        with Warehouse.of(self.settings).connect() as warehouse:
            exported = [mart for mart in public_marts(PROJECT) if mart.name in KPI_TABLES.values()]
            publication.publish(warehouse, self.target, exported)
        return self._export(warned)

    def _build(self, of: DayRange | None) -> set[str]:
        """Run dbt in this process, where any build but the first takes 2.5 s of processor time."""
        from dbt.cli.main import dbtRunner  # takes 4 s, which only these tests have to pay

        folder = self.settings.dbt_target_dir
        options = [f"--project-dir={DBT}", f"--profiles-dir={DBT}"]
        options += [f"--target-path={folder}", f"--log-path={folder}"]
        options += [
            "--exclude-resource-type=unit_test",
            "--indirect-selection=buildable",
            "--select",
            *MODELS,
        ]
        if of is not None:
            options.append(days_option(of))
        done = dbtRunner().invoke(["--quiet", "build", *options])
        reset_adapters()
        DuckDBConnectionManager.close_all_connections()
        assert done.success, done.exception or [str(result.message) for result in done.result]
        return {result.node.name for result in done.result if result.status == "warn"}

    def _export(self, warned: set[str]) -> Served:
        frames = {name: read(self.target, name) for name in KPI_TABLES}
        exports.export(self.target, list(frames), self.settings.exports_dir, exports.FILE_FORMATS)
        report.write(self.settings.exports_dir / REPORT_NAME, report.read(self.target))
        daily = frames["daily_summary"].rows(named=True)
        by_campaign = frames["campaign_ctr"].rows(named=True)
        return Served(
            days={row["event_date"]: counts(row) for row in daily},
            campaigns={row["campaign_id"]: counts(row) for row in by_campaign},
            names={row["campaign_id"]: row["campaign_name"] for row in by_campaign},
            csv={
                name: (self.settings.exports_dir / f"{name}.csv").read_text().splitlines()
                for name in frames
            },
            warned=warned,
        )


def counts(row):
    return Counts(*(row[name] for name in Counts._fields))


@dataclass
class Story:
    """The deployment, and what each run has left."""

    marts: Marts
    empty: Served
    first: Served
    then: Served


@pytest.fixture(scope="module")
def story(postgres_server, tmp_path_factory):
    """The three runs, on a machine and a server that are not in UTC."""
    folder = tmp_path_factory.mktemp("story")
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        for name in ("story_source", "story_target"):
            connection.execute(f'CREATE DATABASE "{name}"')
    source, target = (
        postgres_server.replace("/analytics?", f"/story_{store}?") for store in ("source", "target")
    )
    with pytest.MonkeyPatch.context() as environment:
        for name in Settings.model_fields:
            environment.delenv(f"ADTECH_{name.upper()}", raising=False)
        environment.setitem(Settings.model_config, "env_file", None)
        settings = load_settings(
            raw_data_dir=folder / "raw_data",
            output_dir=folder / "output",
            data_dir=folder / "data",
            source_database_url=source,
            target_database_url=target,
        )
        environment.setenv("ADTECH_DATA_DIR", str(settings.data_dir))  # for dbt's profile
        marts = Marts(settings)
        with marts.source.connect() as connection:
            create_schema(connection)
        with elsewhere("America/Los_Angeles", "Asia/Tokyo", [source, target]):
            empty = marts.run(None)
            marts.write(FIRST_DAYS)
            first = marts.run(DayRange(QUIET_DAY, DAY))
            marts.write(THIRD_DAY)
            then = marts.run(days(NEXT_DAY))
    return Story(marts, empty, first, then)


def test_h39_the_zones_of_machine_and_server_move_no_event_to_another_day(story):
    assert {day: found[:2] for day, found in story.then.days.items()} == {
        QUIET_DAY: (0, 0),
        DAY: (10, 4),
        NEXT_DAY: (1, 2),
    }


def test_h41_a_day_without_rows_is_zeros(story):
    assert story.first.days[QUIET_DAY] == (0, 0, None)


# ---- 43 and 44: clicks without their impressions -----------------------------------------------


def test_h43_more_clicks_than_impressions_are_kept_and_their_rate_is_1(story):
    assert story.first.campaigns[CLICKED] == (1, 2, 1)
    assert story.then.days[NEXT_DAY] == (1, 2, 1)


def test_h43_a_campaign_with_more_clicks_than_impressions_is_warned_of(story):
    assert "campaign_ctr_clicks_are_within_impressions" in story.first.warned
    assert "campaign_ctr_clicks_are_within_impressions" not in story.empty.warned


def test_h43_a_day_with_more_clicks_than_impressions_is_warned_of_by_the_run_that_builds_it(story):
    assert "daily_summary_clicks_are_within_impressions" not in story.first.warned
    assert "daily_summary_clicks_are_within_impressions" in story.then.warned


def test_h43_more_logged_clicks_than_impressions_are_counted_as_they_are_and_warned_of(pipeline):
    pipeline.deliver(FIRST, "a")
    pipeline.deliver("clicks_2022052611.parquet", "a", "a", "b")

    pipeline.run()

    assert pipeline.served() == [(11, 1, 3)]
    assert pipeline.warnings("clicks_within_impressions") == [
        "Days with more clicks than impressions: 2022-05-26: 1 impressions, 3 clicks"
    ]


def test_h43_more_clicks_in_one_hour_than_impressions_are_no_warning(pipeline):
    pipeline.deliver(FIRST, "a")
    pipeline.deliver("clicks_2022052612.parquet", "a")

    pipeline.run()

    assert pipeline.warnings("clicks_within_impressions") == []


def test_h44_an_impression_before_midnight_and_its_click_after_are_on_days_of_their_own(story):
    assert facts(story, SPRING) == {DAY: (2, 0), NEXT_DAY: (0, 1), None: (1, 0)}


def facts(story, campaign):
    """Impressions and clicks recorded under a campaign's id, by day."""
    rows = story.marts.look(
        "SELECT event_date, sum(impressions)::int, sum(clicks)::int "
        "FROM intermediate.int_campaign_events_hourly "
        f"WHERE campaign_id = {campaign} GROUP BY 1"
    )
    return {day: tuple(events) for day, *events in rows}


def test_h44_so_are_a_logged_impression_and_its_click(pipeline):
    pipeline.deliver("impressions_2022052623.parquet", "a")
    pipeline.deliver("clicks_2022052700.parquet", "a")

    pipeline.run(days(DAY, NEXT_DAY))

    assert pipeline.served(days(DAY)) == [(23, 1, 0)]
    assert pipeline.served(days(NEXT_DAY)) == [(0, 0, 1)]


# ---- 45 and 46: campaigns that change at the source --------------------------------------------


def test_h45_the_events_of_a_deleted_campaign_stay(story):
    assert story.first.campaigns[DELETED] == (2, 1, 0.5)
    assert facts(story, DELETED) == {DAY: (2, 1)}
    assert story.then.days[DAY] == story.first.days[DAY]


def test_h45_a_deleted_campaign_keeps_its_row_its_name_and_its_numbers(story):
    assert story.then.campaigns[DELETED] == story.first.campaigns[DELETED]
    assert story.then.names[DELETED] == "Deleted later"
    assert dict(story.marts.look("SELECT campaign_id, is_current FROM marts.dim_campaigns")) == {
        UNKNOWN: False,
        DELETED: False,
        **dict.fromkeys((SPRING, RENAMED, NO_FACTS, BACKWARDS, ENDLESS, CLICKED), True),
    }


def test_h45_the_campaigns_still_total_all_events(story):
    events = story.marts.look(
        "SELECT (SELECT count(*) FROM raw.impressions), (SELECT count(*) FROM raw.clicks)"
    )

    assert events == [(12, 7)]
    assert totals(story.then) == (12, 7)


def totals(served):
    impressions, clicks, _ = zip(*served.campaigns.values(), strict=True)
    return sum(impressions), sum(clicks)


def test_h46_a_renamed_campaign_is_one_campaign_under_its_current_name(story):
    assert story.first.names[RENAMED] == "Old name"
    assert story.then.names[RENAMED] == "New name"
    assert "Old name" not in story.then.names.values()
    assert story.first.campaigns[RENAMED] == (1, 0, 0)
    assert story.then.campaigns[RENAMED] == (2, 1, 0.5)


def test_h46_its_names_of_the_past_are_kept(story):
    names = story.marts.look(
        "SELECT campaign_name, dbt_valid_to IS NULL FROM snapshots.snap_operational__campaigns "
        f"WHERE campaign_id = {RENAMED} ORDER BY dbt_valid_from"
    )

    assert names == [("Old name", False), ("New name", True)]


# ---- 47 and 48: rows that lack something -------------------------------------------------------


def test_h47_events_of_no_known_campaign_are_counted_under_the_unknown_one(story):
    orphans, without_a_campaign = (1, 1), (2, 1)

    assert story.first.campaigns[UNKNOWN][:2] == tuple(
        map(sum, zip(orphans, without_a_campaign, strict=True))
    )
    assert story.first.names[UNKNOWN] == "unknown campaign"
    assert totals(story.first) == (11, 5)


def test_h47_undated_events_count_for_their_campaign_and_for_no_day(story):
    assert story.first.campaigns[SPRING][:2] == (3, 0)
    assert story.first.days[DAY][:2] == (10, 4)


def test_h47_undated_events_are_warned_of(story):
    warnings = Pipeline(story.marts.settings).warnings("rows_have_a_day")

    assert sorted(warnings) == [
        "Undated rows: 3",
        "Undated rows: 5",
    ]


def test_h48_a_campaign_without_dates_or_budget_or_with_dates_reversed_has_its_row(story):
    assert story.first.campaigns[NO_FACTS] == (0, 0, None)
    assert story.first.campaigns[BACKWARDS] == (1, 0, 0)


def test_h48_a_flight_from_minus_infinity_to_infinity_has_no_dates(story):
    dates = f"SELECT start_date, end_date FROM raw.campaigns WHERE id = {ENDLESS}"

    assert story.marts.look(dates) == [(None, None)]
    assert story.first.campaigns[ENDLESS] == (0, 0, None)


def test_h48_no_number_of_any_model_is_infinite_or_none(story):
    columns = story.marts.look(
        "SELECT schema_name || '.' || table_name, column_name FROM duckdb_columns() "
        "WHERE schema_name IN ('staging', 'intermediate', 'marts') "
        "AND data_type IN ('DOUBLE', 'FLOAT')"
    )
    numbers = [
        number
        for table, column in columns
        for (number,) in story.marts.look(f"SELECT {column} FROM {table}")
        if number is not None
    ]

    assert len(numbers) >= len(story.then.days)
    assert all(math.isfinite(number) for number in numbers)


# ---- 51: columns that change at the source -----------------------------------------------------


@pytest.fixture
def changed(story, settings, tmp_path, monkeypatch):
    """The deployment, with a source of its own whose tables have changed."""
    (tmp_path / "data").mkdir()
    shutil.copy(story.marts.settings.warehouse_path, tmp_path / "data")
    monkeypatch.setenv("ADTECH_DATA_DIR", str(tmp_path / "data"))
    target = {"target_database_url": story.marts.settings.target_database_url}
    marts = Marts(settings.model_copy(update=target))

    def change(statement):
        with marts.source.connect() as connection:
            create_schema(connection)
            connection.execute(FIRST_DAYS)
            connection.execute(statement)
        return marts

    return change


SOURCE_CHECKS = [
    check
    for check in checks.CHECKS
    if {key.asset_key for key in check.check_keys}
    <= {*RAW_OPERATIONAL_KEYS.values(), EXTRACTED_DAYS_KEY}
]


def materialize(settings):
    """Run the graph from the source to the published tables, as Dagster does."""
    assets = [raw.build(settings.feed)[-1], *models.build(PROJECT), *publish.build(PROJECT)]
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize(
            [*with_days(assets, daily(settings)), *SOURCE_CHECKS],
            partition_key=str(DAY),
            resources=build_resources(settings, PROJECT),
            instance=instance,
            raise_on_error=False,
        )


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("ALTER TABLE campaign DROP COLUMN bid", 'column "bid" does not exist'),
        (
            "ALTER TABLE campaign ALTER COLUMN budget TYPE text",
            "The source column campaign.budget is now string, not DECIMAL(10, 2). Nothing was",
        ),
    ],
    ids=["dropped", "retyped"],
)
def test_h51_a_changed_column_fails_the_run_before_anything_is_published(
    story, changed, statement, told
):
    marts = changed(statement)

    run = materialize(marts.settings)

    assert not run.success
    [failed] = [event for event in run.all_node_events if event.is_step_failure]
    assert failed.step_key == "raw_operational"
    assert told in failed.step_failure_data.user_failure_data.description
    written = {event.asset_key.path[0] for event in run.get_asset_materialization_events()}
    assert written.isdisjoint({"raw", "published", "exports"})
    for name, lines in story.then.csv.items():
        assert read(story.marts.target, name).write_csv().splitlines() == lines


def test_h51_an_added_column_is_accepted(changed):
    marts = changed("ALTER TABLE campaign ADD COLUMN currency text NOT NULL DEFAULT 'DKK'")

    with Warehouse.of(marts.settings).connect() as warehouse:
        extracted = snapshot.extract(warehouse, marts.source, days(DAY), snapshot.RAW_TABLES, "run")

    assert extracted["campaigns"].rows == {None: 7}
    assert marts.look(f"SELECT name FROM raw.campaigns WHERE id = {DELETED}") == [
        ("Deleted later",)
    ]


# ---- 65: the warehouse is lost -----------------------------------------------------------------


def test_h65_bids_of_the_past_outlive_the_warehouse(settings, monkeypatch):
    monkeypatch.setenv("ADTECH_DATA_DIR", str(settings.data_dir))
    marts = Marts(settings)
    with marts.source.connect() as connection:
        create_schema(connection)
        connection.execute(FIRST_DAYS)
    spend = f"""
        SELECT estimated_spend, bid FROM marts.fct_campaign_daily
        JOIN marts.dim_campaigns USING (campaign_id) WHERE campaign_id = {DELETED}
    """
    versions = "FROM snapshots.snap_operational__campaigns ORDER BY ALL"
    assert materialize(settings).success
    marts.write(f"UPDATE campaign SET bid = 4 WHERE id = {DELETED}")
    assert materialize(settings).success
    assert marts.look(spend) == [(Decimal("0.50"), Decimal("4.00"))]
    known = marts.look(versions)
    settings.warehouse_path.unlink()

    assert materialize(settings).success

    assert marts.look(spend) == [(Decimal("0.50"), Decimal("4.00"))]
    assert marts.look(versions) == known


# ---- 52: nothing at the source -----------------------------------------------------------------


def test_h52_empty_tables_make_empty_marts(story):
    assert (story.empty.days, story.empty.campaigns) == ({}, {})


def test_h52_exports_of_empty_marts_have_headers_only(story):
    [by_campaign], [by_day] = (story.empty.csv[name] for name in ("campaign_ctr", "daily_summary"))

    assert by_campaign.startswith("campaign_id,campaign_name,impressions,clicks,ctr")
    assert by_day.startswith("event_date,impressions,clicks,ctr")
