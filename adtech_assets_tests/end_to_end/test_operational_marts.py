"""The operational marts after a source that changed between runs, equal to what its rows say.

Three runs in one deployment: the first over 41 days, the others over the days around the present,
after rows came late or vanished, bids and budgets changed, campaigns and advertisers were renamed,
deleted, entered late or entered again.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
from psycopg import sql

from adtech_assets.environment import PROJECT_DIR
from adtech_assets.feed.ledger import Ledger
from adtech_assets.operational import snapshot
from adtech_assets.operational.schema import create_schema
from adtech_assets.partitions import DayRange
from adtech_assets.rollup import facts
from adtech_assets.settings import Settings, load_settings
from adtech_assets.stores.postgres import Postgres, copy_rows
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.dbt_days import days_option
from adtech_assets_tests.end_to_end import recomputed_marts
from adtech_assets_tests.end_to_end.recomputed_marts import Campaign, Event, History
from adtech_assets_tests.sample_feed import SAMPLE

DBT = PROJECT_DIR / "adtech_dbt"
DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)

STEADY, CROWDED, NO_BUDGET, NO_FLIGHT, BACKWARDS, DELETED, RENAMED, ORPHAN, IDLE = range(1, 10)
TO_COME, ONLY_CLICKS, OPEN_END, CREDIT, LATE = 10, 11, 13, 14, 50
NOWHERE = 99

ADVERTISERS = """
INSERT INTO advertiser (id, name, created_at) VALUES
    (1, 'Acme', '2022-05-01 12:00'), (2, 'Bolt', NULL), (3, 'Without campaigns', '2022-05-01'),
    (4, 'Leaves', '2022-05-01');
"""
CAMPAIGNS = f"""
INSERT INTO campaign (id, name, bid, budget, start_date, end_date, advertiser_id) VALUES
    ({STEADY}, 'Steady', 0.50, 1000, %(today)s - 30, %(today)s + 10, 1),
    ({CROWDED}, 'Crowded', 0.07, 12.34, %(today)s - 20, %(today)s - 2, 1),
    ({NO_BUDGET}, 'No budget', 1.25, 0, %(today)s - 20, %(today)s - 2, 2),
    ({NO_FLIGHT}, 'No flight', 0.99, 10, NULL, NULL, 2),
    ({BACKWARDS}, 'Backwards', 0.01, 10, %(today)s, %(today)s - 5, 2),
    ({DELETED}, 'Deleted', 3.33, 100, %(today)s - 7, %(today)s + 7, 4),
    ({RENAMED}, 'First name', 0.11, 7.77, %(today)s - 3, %(today)s + 3, 4),
    ({ORPHAN}, 'Orphan', 0.60, 60, %(today)s - 40, %(today)s + 40, 404),
    ({IDLE}, 'Idle', 0.60, 60, %(today)s - 40, %(today)s + 40, NULL),
    ({TO_COME}, 'To come', 0.60, 60, %(today)s + 5, %(today)s + 9, 1),
    ({ONLY_CLICKS}, 'Only clicks', 0.10, 5, %(today)s - 9, %(today)s - 9, 1),
    ({OPEN_END}, 'Open end', 0.10, 5, %(today)s - 9, 'infinity', 1),
    ({CREDIT}, 'Negative', -0.35, -5, %(today)s - 20, %(today)s + 20, 1);
"""
FIRST_CHANGES = f"""
UPDATE campaign SET bid = 0.80, budget = 500 WHERE id = {STEADY};
UPDATE campaign SET name = 'Second name' WHERE id = {RENAMED};
UPDATE campaign SET end_date = %(today)s + 1 WHERE id = {OPEN_END};
UPDATE campaign SET budget = 100 WHERE id = {CREDIT};
UPDATE campaign SET advertiser_id = 1 WHERE id = {ORPHAN};
UPDATE campaign SET advertiser_id = 2 WHERE id = {CROWDED};
DELETE FROM campaign WHERE id = {DELETED};
UPDATE advertiser SET name = 'Bolt & Sons' WHERE id = 2;
DELETE FROM advertiser WHERE id = 4;
INSERT INTO campaign (id, name, bid, budget, start_date, end_date, advertiser_id)
VALUES ({LATE}, 'Late', 0.33, 50, %(today)s - 30, %(today)s + 10, 2);
DELETE FROM impressions WHERE created_at::date = %(today)s - 1 AND id %% 5 = 0;
DELETE FROM clicks WHERE created_at::date = %(today)s - 1 AND id %% 3 = 0;
"""
SECOND_CHANGES = f"""
UPDATE campaign SET bid = 1.00 WHERE id IN ({STEADY}, {LATE});
UPDATE campaign SET name = 'First name' WHERE id = {RENAMED};
INSERT INTO campaign (id, name, bid, budget, start_date, end_date, advertiser_id)
VALUES ({DELETED}, 'Deleted', 4.44, 100, %(today)s - 7, %(today)s + 7, 4);
"""


class Advertiser(NamedTuple):
    id: int
    name: str
    created_at: datetime | None


@dataclass
class Story:
    """A deployment, and what its source held at each extraction."""

    settings: Settings
    today: date

    def __post_init__(self):
        self.campaigns, self.advertisers = History(), History()
        self.days: dict[date, datetime] = {}

    def write(self, statements):
        with self.source.connect() as connection:
            psycopg.ClientCursor(connection).execute(statements, {"today": self.today})

    def add(self, table, events):
        with self.source.connect() as connection, connection.cursor() as cursor:
            copy_rows(cursor, sql.Identifier(table), ("campaign_id", "created_at"), events)

    @property
    def source(self):
        return Postgres.of(self.settings, "source")

    def look(self, query):
        with Warehouse.of(self.settings).connect() as warehouse:
            cursor = warehouse.execute(query)
            names = [name for name, *_ in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def run(self, days):
        """Extract and build some days; returns the time of the extraction."""
        with Warehouse.of(self.settings).connect() as warehouse:
            Ledger.create(warehouse, SAMPLE)
            facts.create(warehouse)
            snapshot.extract(warehouse, self.source, days, snapshot.RAW_TABLES, "run")
            [(at,)] = warehouse.execute("SELECT max(extracted_at) FROM raw.campaigns").fetchall()
        self.days |= dict.fromkeys(days, at)
        self.campaigns.extracted(at, self.rows(Campaign, "campaign"))
        self.advertisers.extracted(at, self.rows(Advertiser, "advertiser"))
        self.build(days_option(days))
        return at

    def rows(self, type_, table):
        """All rows of a source table; ends of time are no dates."""
        names = list(getattr(type_, "__dataclass_fields__", type_.__annotations__))
        columns = ", ".join(
            f"CASE WHEN isfinite({name}) THEN {name} END"
            if name.endswith(("_date", "_at"))
            else name
            for name in names
        )
        with self.source.connect() as connection:
            rows = connection.execute(f"SELECT {columns} FROM {table}").fetchall()
        return [type_(*row) for row in rows]

    def build(self, *options):
        folder = self.settings.dbt_target_dir
        done = subprocess.run(
            [
                Path(sys.executable).with_name("dbt"), "build",
                "--select", "+path:models/marts/advertising",
                "--exclude-resource-type", "unit_test", "--indirect-selection", "buildable",
                "--project-dir", DBT, "--profiles-dir", DBT,
                "--target-path", folder, "--log-path", folder, *options,
            ],
            env=os.environ | {"ADTECH_DATA_DIR": str(self.settings.data_dir)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout

    def recomputed(self):
        def events(table):
            with self.source.connect() as connection:
                rows = connection.execute(
                    "SELECT campaign_id, CASE WHEN isfinite(created_at) THEN created_at END "
                    f"FROM {table}"
                ).fetchall()
            found = [Event(*row) for row in rows]
            return [event for event in found if event.at is None or event.day in self.days]

        return recomputed_marts.Marts(
            self.campaigns,
            self.advertisers,
            events("impressions"),
            events("clicks"),
            dict(sorted(self.days.items())),
        )


def events_of(rng, day, campaign, count, ctr):
    """Impressions of a day and their clicks, some at its edges and some across midnight."""
    start = datetime.combine(day, time())
    edges = [start, start + DAY - MICROSECOND]
    times = [start + rng.randrange(24 * 3600 * 10**6) * MICROSECOND for _ in range(count)]
    times += rng.sample(edges, k=min(2, count))
    clicked = [at for at in times if rng.random() < ctr]
    within = timedelta(minutes=2) // MICROSECOND
    return (
        [(campaign, at) for at in times],
        [(campaign, at + rng.randrange(within) * MICROSECOND) for at in clicked],
    )


def first_events(rng, days):
    impressions, clicks = [], []
    for day in days:
        flown = (STEADY, NO_BUDGET, NO_FLIGHT, BACKWARDS, DELETED, RENAMED, ORPHAN, CREDIT)
        for campaign in flown:
            shown, clicked = events_of(rng, day, campaign, rng.randrange(7), 0.3)
            impressions += shown
            clicks += clicked
        for maybe_known in (LATE, NOWHERE, None, TO_COME, OPEN_END):
            shown, clicked = events_of(rng, day, maybe_known, rng.randrange(3), 0.5)
            impressions += shown
            clicks += clicked
        # One day in ten the crowd clicks five times as much.
        shown, clicked = events_of(rng, day, CROWDED, 120, 0.25 if day.day % 10 == 0 else 0.05)
        impressions += shown
        clicks += clicked
        clicks += [(ONLY_CLICKS, datetime.combine(day, time(12)))] * (day.day % 2)
    nowhen = [(STEADY, None), (LATE, None), (None, None), (NOWHERE, "infinity")]
    return impressions + nowhen, clicks + nowhen


@pytest.fixture(scope="module")
def story(postgres_server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("operational_marts")
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute('CREATE DATABASE "operational_marts"')
    with pytest.MonkeyPatch.context() as environment:
        for name in Settings.model_fields:
            environment.delenv(f"ADTECH_{name.upper()}", raising=False)
        environment.setitem(Settings.model_config, "env_file", None)
        settings = load_settings(
            data_dir=folder / "data",
            source_database_url=postgres_server.replace("/analytics?", "/operational_marts?"),
        )
    # Bids change at extractions, which are now, so the clicks around a change are of today.
    today = datetime.now(UTC).date()
    story = Story(settings, today)
    with story.source.connect() as connection:
        create_schema(connection)
    rng = random.Random(4)  # noqa: S311 - rows are no secrets
    story.write(ADVERTISERS + CAMPAIGNS)
    days = DayRange(today - 40 * DAY, today)
    # One day before the first is in the source, but never extracted.
    impressions, clicks = first_events(rng, [days.first - DAY, *days])
    story.add("impressions", impressions)
    story.add("clicks", clicks)
    at_first = story.run(days)

    story.write(FIRST_CHANGES)
    for campaign in (STEADY, LATE, NOWHERE):
        shown, clicked = events_of(rng, today - DAY, campaign, 9, 0.5)
        story.add("impressions", shown)
        story.add("clicks", clicked)
    story.add("clicks", around(at_first))
    window = DayRange(today - DAY, today + DAY)
    at_second = story.run(window)

    story.write(SECOND_CHANGES)
    story.add("clicks", around(at_second))
    story.run(window)
    return story


def around(change):
    """Clicks just before, at and just after a change, and one after them all."""
    moments = [change - MICROSECOND, change, change + MICROSECOND, change + timedelta(hours=1)]
    return [(campaign, at) for campaign in (STEADY, DELETED, LATE) for at in moments]


@pytest.fixture(scope="module")
def recomputed(story):
    return story.recomputed()


@pytest.mark.parametrize("mart", recomputed_marts.MARTS)
def test_a_mart_equals_what_the_rows_of_the_source_say(story, recomputed, mart):
    rows = story.look(f"FROM marts.{mart}")
    recomputed_marts.assert_same_rows(mart, rows, getattr(recomputed, mart)())
    assert rows


def test_the_story_has_what_it_is_told_for(story, recomputed):
    pacing = {row["pacing_status"] for row in recomputed.fct_campaign_pacing_daily()}
    kpis = {row["campaign_id"]: row for row in recomputed.mart_campaign_kpis()}

    assert pacing == {
        *("outside_flight", "not_started", "no_budget", "no_flight"),
        *("behind", "on_track", "ahead", "over_budget"),
    }
    assert kpis[CROWDED]["anomalous_days"] > 0
    assert kpis[IDLE]["impressions"] == 0
    assert kpis[ONLY_CLICKS]["ctr"] == 1
    assert kpis[-1]["clicks"] > 0
    assert kpis[CREDIT]["estimated_spend"] < 0
    assert len(story.campaigns.versions[STEADY]) == 3
    assert len(story.campaigns.versions[DELETED]) == 2


def test_a_full_refresh_changes_no_row_of_any_model(story):
    with Warehouse.of(story.settings).connect() as warehouse:
        tables = warehouse.execute(
            "SELECT schema_name || '.' || table_name FROM duckdb_tables() "
            "WHERE schema_name IN ('snapshots', 'intermediate', 'marts')"
        ).fetchall()
        models = {model for (model,) in tables}
        # Clicks of a campaign that was entered late have no price where they were counted before:
        # they get one in the view above.
        models ^= {
            "intermediate.int_campaign_events_hourly",
            "intermediate.int_campaign_events_attributed",
        }
        warehouse.execute("CREATE SCHEMA incremental")
        for model in models:
            name = model.replace(".", "_")
            warehouse.execute(f"CREATE TABLE incremental.{name} AS FROM {model}")

    story.build("--full-refresh")

    assert len(models) > len(recomputed_marts.MARTS)
    for model in models:
        before = f"incremental.{model.replace('.', '_')}"
        for one, other in ((before, model), (model, before)):
            assert story.look(f"FROM {one} EXCEPT ALL FROM {other}") == [], model
