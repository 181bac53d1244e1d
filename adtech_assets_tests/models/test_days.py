"""The days that a daily model builds, and a test looks at: any set, and the undated rows."""

from __future__ import annotations

import shutil
from datetime import date, timedelta

import duckdb
import pytest

from adtech_assets.defs.dbt_project import DBT_DIR, MANIFEST, parsed
from adtech_assets.defs.dbt_sources import create_sources
from adtech_assets.models import dbt
from adtech_assets_tests.sample_feed import PROJECT, SAMPLE

FIRST = date(2022, 5, 25)
DAYS = [FIRST + timedelta(n) for n in range(6)]
"""Those that have rows, from the 25th to the 30th."""

A_DAY, GAP, TWO_DAYS = DAYS[1], DAYS[2], DAYS[3:5]
SOME = [(A_DAY, GAP), (TWO_DAYS[0], DAYS[5])]
"""The 26th, the 28th and the 29th."""

OTHERS = [(date(2000, 1, 1), A_DAY), (GAP, DAYS[3]), (DAYS[5], date(2100, 1, 1))]

DAILY = [model.name for model in PROJECT.models.values() if model.is_daily]

DAY_OF_RANGE = f"DATE '{FIRST}' + range::INTEGER"
OF_AN_EVENT = "'1' AS log_campaign_id, 'agent' AS user_agent_id, false AS is_fraud"
FACTS = f"""
    INSERT INTO rollup.hourly_impressions BY NAME
    SELECT {DAY_OF_RANGE} AS file_date, 12 AS file_hour, {OF_AN_EVENT},
        {DAY_OF_RANGE} + TIME '10:00' AS occurred_hour_at,
        '' AS currency, '' AS banner_size, 1 AS impressions
    FROM range({len(DAYS)});
    INSERT INTO rollup.hourly_clicks BY NAME
    SELECT {DAY_OF_RANGE} AS file_date, 12 AS file_hour, {OF_AN_EVENT},
        {DAY_OF_RANGE} + TIME '10:00' AS occurred_hour_at, 1 AS clicks
    FROM range({len(DAYS)});
    INSERT INTO rollup.daily_placements BY NAME
    SELECT {DAY_OF_RANGE} AS file_date, {DAY_OF_RANGE} AS occurred_on, '1' AS log_campaign_id,
        '' AS currency, 1 AS impressions, 1 AS clicks,
        {
    ", ".join(
        f"0 AS {n}"
        for n in (
            "invalid_impressions",
            "invalid_clicks",
            "measurable_impressions",
            "viewable_impressions",
            "priced_impressions",
        )
    )
}
    FROM range({len(DAYS)});
    INSERT INTO rollup.daily_landing_pages BY NAME
    SELECT {DAY_OF_RANGE} AS file_date, {DAY_OF_RANGE} AS occurred_on, '1' AS log_campaign_id,
        '' AS landing_page, 1 AS clicks, 0 AS timed_clicks, 0 AS fast_clicks
    FROM range({len(DAYS)});
"""
EVENTS = FACTS + "".join(
    f"""
    INSERT INTO raw.{table}
    SELECT range, 1, {DAY_OF_RANGE} + TIME '10:00' FROM range({len(DAYS)});
    INSERT INTO raw.{table} VALUES (1000, 1, NULL);
    """
    for table in ("impressions", "clicks")
)
OTHER_ROWS = f"""
INSERT INTO raw.campaigns BY NAME
SELECT 1 AS id, 'Spring' AS name, TIMESTAMP '{FIRST}' AS extracted_at;
INSERT INTO raw.extracted_days
SELECT DATE '{FIRST}' + range::INTEGER, 0, 0, TIMESTAMP '{FIRST}', 'run' FROM range({len(DAYS)});
INSERT INTO raw.log_files BY NAME
SELECT range AS file_id, 'impressions' AS kind, 'file' AS file_name, 'loaded' AS status,
    DATE '{FIRST}' + range::INTEGER AS file_date, TIMESTAMP '{FIRST}' AS first_seen_at
FROM range({len(DAYS)});
"""


class Warehouse:
    """A warehouse, and dbt on it."""

    def __init__(self, folder):
        self.folder = folder

    def execute(self, sql):
        with duckdb.connect(self.folder / "warehouse.duckdb") as connection:
            return connection.execute(sql).fetchall()

    def rows(self, name):
        return self.execute(f"FROM {PROJECT.models[name].table} ORDER BY ALL")

    def daily_rows(self):
        return {name: self.rows(name) for name in DAILY}

    def build(self, *names, **days):
        """Build models and run tests, by name; the result of each."""
        tests = {test.check_name: test.unique_id for test in PROJECT.tests.values()}
        results = dbt.build(
            [PROJECT.models[name].unique_id if name in PROJECT.models else tests[name]
             for name in names],
            days,
            project_dir=DBT_DIR,
            parsed=parsed(DBT_DIR, SAMPLE) / MANIFEST,
            target_path=self.folder / "dbt",
        )  # fmt: skip
        return {result.unique_id.split(".")[2]: result for result in results}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A warehouse with an event of every kind on each day, all models built."""
    folder = tmp_path_factory.mktemp("built")
    warehouse = Warehouse(folder)
    with duckdb.connect(folder / "warehouse.duckdb") as connection:
        create_sources(connection, SAMPLE)
    warehouse.execute(EVENTS + OTHER_ROWS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADTECH_DATA_DIR", str(folder))
        results = warehouse.build(*PROJECT.models)
    assert {result.status for result in results.values()} == {"success"}
    return warehouse


@pytest.fixture
def as_built(built, tmp_path, monkeypatch):
    """A copy of it."""
    shutil.copy(built.folder / "warehouse.duckdb", tmp_path)
    monkeypatch.setenv("ADTECH_DATA_DIR", str(tmp_path))
    return Warehouse(tmp_path)


@pytest.fixture
def warehouse(as_built):
    """A copy of it, in which one more event of every kind is on each day, and without a day."""
    as_built.execute(EVENTS)
    return as_built


def impressions(warehouse, name="int_campaign_events_hourly"):
    table = PROJECT.models[name].table
    return dict(
        warehouse.execute(f"SELECT event_date, sum(impressions)::BIGINT FROM {table} GROUP BY 1")
    )


def test_the_days_that_are_asked_for_are_built_and_no_others(warehouse):
    warehouse.build("int_campaign_events_hourly", int_campaign_events_hourly=SOME)

    assert impressions(warehouse) == {
        None: 2, DAYS[0]: 1, A_DAY: 2, GAP: 1, TWO_DAYS[0]: 2, TWO_DAYS[1]: 2, DAYS[5]: 1
    }  # fmt: skip


def test_without_any_day_the_undated_rows_are_built(warehouse):
    warehouse.build("int_campaign_events_hourly", int_campaign_events_hourly=[])

    assert impressions(warehouse) == {None: 2} | dict.fromkeys(DAYS, 1)


@pytest.mark.parametrize("days", [{}, {"int_campaign_events_hourly": None}])
def test_all_days_are_built_where_none_are_named(warehouse, days):
    warehouse.build("int_campaign_events_hourly", **days)

    assert impressions(warehouse) == {None: 2} | dict.fromkeys(DAYS, 2)


def test_each_model_has_days_of_its_own(warehouse):
    warehouse.build(
        "int_campaign_events_hourly", "fct_daily_summary",
        int_campaign_events_hourly=SOME, fct_daily_summary=[(A_DAY, GAP)],
    )  # fmt: skip

    assert impressions(warehouse, "fct_daily_summary") == dict.fromkeys(DAYS, 1) | {A_DAY: 2}


def test_days_that_are_built_one_after_the_other_equal_all_days_at_once(warehouse):
    warehouse.build(*DAILY, **dict.fromkeys(DAILY, SOME))
    warehouse.build(*DAILY, **dict.fromkeys(DAILY, OTHERS))
    by_ranges = warehouse.daily_rows()

    warehouse.build(*DAILY)

    assert warehouse.daily_rows() == by_ranges


def test_rows_of_a_day_vanish_with_those_that_they_were_made_of(warehouse):
    warehouse.execute(f"DELETE FROM raw.impressions WHERE created_at::DATE = '{A_DAY}'")
    warehouse.execute(f"DELETE FROM raw.clicks WHERE created_at::DATE = '{A_DAY}'")

    warehouse.build("int_campaign_events_hourly", int_campaign_events_hourly=SOME)

    assert A_DAY not in impressions(warehouse)


def test_an_event_counts_on_its_own_day_in_files_of_the_days_around(warehouse):
    for day in (A_DAY - timedelta(1), A_DAY + timedelta(1)):
        warehouse.execute(
            "INSERT INTO rollup.hourly_impressions BY NAME "
            f"SELECT DATE '{day}' AS file_date, 12 AS file_hour, {OF_AN_EVENT}, "
            f"TIMESTAMP '{A_DAY} 12:00' AS occurred_hour_at, "
            "'' AS currency, '' AS banner_size, 1 AS impressions"
        )

    warehouse.build("int_log_events_hourly", int_log_events_hourly=[(A_DAY, GAP)])

    assert impressions(warehouse, "int_log_events_hourly") == dict.fromkeys(DAYS, 1) | {A_DAY: 4}


def test_a_domain_and_a_deal_are_keys_that_postgres_can_hold(warehouse):
    long = "repeat('\U0001f600', 9000)"
    for domain, deal in ((long, long), ("'  A.example. '", "'a' || chr(0)")):
        warehouse.execute(
            "INSERT INTO rollup.daily_placements BY NAME SELECT * REPLACE "
            f"({domain} AS publisher_domain, {deal} AS deal, 0 AS impressions) "
            f"FROM rollup.daily_placements WHERE file_date = '{A_DAY}' LIMIT 1"
        )

    warehouse.build(
        "int_log_placements_daily", int_log_placements_daily=[(A_DAY, A_DAY + timedelta(1))]
    )

    (named, _), (domain, deal) = warehouse.execute(
        "SELECT publisher_domain, deal FROM intermediate.int_log_placements_daily "
        "WHERE deal <> '' ORDER BY ALL"
    )
    assert (named, len(domain), len(deal)) == ("a.example", 253, 255)
    assert len(domain.encode()) + len(deal.encode()) < 2704 - 200  # beside the ids and the day


def test_a_model_whose_columns_have_changed_is_made_anew_with_all_days(warehouse):
    was = warehouse.execute("DESCRIBE marts.fct_daily_summary")
    warehouse.execute("ALTER TABLE marts.fct_daily_summary ADD COLUMN of_old INTEGER")

    by_days = warehouse.build("fct_daily_summary", fct_daily_summary=SOME)
    of_all = warehouse.build("fct_daily_summary", fct_daily_summary=None)

    assert by_days["fct_daily_summary"].status == "error"
    assert "out of sync" in by_days["fct_daily_summary"].message
    assert of_all["fct_daily_summary"].status == "success"
    assert warehouse.execute("DESCRIBE marts.fct_daily_summary") == was


def test_a_snapshot_is_never_made_anew(warehouse):
    warehouse.execute("UPDATE raw.campaigns SET name = 'Summer', extracted_at = '2022-06-01'")

    warehouse.build("snap_operational__campaigns", snap_operational__campaigns=None)

    assert warehouse.execute(
        "SELECT campaign_name FROM snapshots.snap_operational__campaigns ORDER BY dbt_valid_from"
    ) == [("Spring",), ("Summer",)]


@pytest.mark.parametrize(
    ("test", "damage"),
    {
        "daily_summary_totals_staged_events": "UPDATE marts.fct_daily_summary SET clicks = 9",
        "user_agent_hourly_totals_logged_events": (
            "UPDATE marts.fct_user_agent_hourly SET gross_clicks = 9"
        ),
        "traffic_quality_totals_user_agent_hours": (
            "UPDATE marts.fct_traffic_quality_daily SET clicks = 9"
        ),
        "log_reconciliation_totals_both_sides": (
            "UPDATE marts.fct_log_reconciliation_daily SET log_events = 9"
        ),
        "daily_summary_clicks_are_within_impressions": (
            "UPDATE marts.fct_daily_summary SET clicks = 9"
        ),
        "log_events_classified_has_one_row_per_key": (
            "INSERT INTO intermediate.int_log_events_hourly FROM intermediate.int_log_events_hourly"
        ),
    }.items(),
)
def test_a_test_looks_at_the_days_that_it_is_for(as_built, test, damage):
    as_built.execute(f"{damage} WHERE event_date = '{A_DAY}'")

    assert as_built.build(test, **{test: OTHERS})[test].status == "pass"
    assert as_built.build(test, **{test: SOME})[test].status in ("fail", "warn")


@pytest.mark.parametrize("ranges", [SOME, OTHERS, []])
def test_campaigns_total_the_events_of_the_days_that_were_built(warehouse, ranges):
    totals = "campaign_ctr_totals_staged_events"
    names = ("int_campaign_events_hourly", "int_campaign_totals", "fct_campaign_ctr")

    results = warehouse.build(*names, totals, int_campaign_events_hourly=ranges, **{totals: ranges})

    assert {results[name].status for name in (*names, totals)} == {"success", "pass"}
    assert warehouse.build(totals)[totals].status == "fail", "the other days are not built"
