"""The marts of the log side, counted once more in plain Python from the files and the source."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta

import pytest
from dbt.contracts.graph.manifest import Manifest

from adtech_assets.contract import KINDS
from adtech_assets.defs.assets.models import DONE
from adtech_assets.defs.dbt_project import DBT_DIR, MANIFEST, parsed
from adtech_assets.feed.ingest import Ingest
from adtech_assets.models import dbt
from adtech_assets.operational import snapshot
from adtech_assets.operational.schema import create_schema
from adtech_assets.partitions import DayRange
from adtech_assets.sample.log_files import write_log_file
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.dbt_days import days_option
from adtech_assets_tests.end_to_end.recounted_log_marts import MARTS, REASONS, ZONE, recounted
from adtech_assets_tests.rollup.counted import count_events
from adtech_assets_tests.sample_feed import SAMPLE

SUNDAY = date(2022, 10, 30)
"""The day of 25 hours."""


class Pipeline:
    """The steps of a run that the marts come from, without Dagster."""

    def __init__(self, settings, source, names=MARTS):
        self.settings = settings
        self.source = source
        self.names = names
        self.loaded: set[date] = set()

    def run(self, first, last):
        days = DayRange(first, last)
        with Warehouse.of(self.settings).connect() as warehouse:
            for kind in KINDS:
                Ingest(warehouse, self.settings, kind, days, "run").run()
            count_events(warehouse, days, now=datetime(2022, 11, 2))  # noqa: DTZ001
            tables = snapshot.RAW_TABLES
            snapshot.extract(warehouse, self.source, days, tables, "run")
        # Events of a file may be on the day before or after it.
        self.dbt(days_option(days, around=1))
        self.loaded |= set(days)

    def dbt(self, *options):
        manifest = Manifest.from_msgpack((parsed(DBT_DIR, SAMPLE) / MANIFEST).read_bytes())
        manifest.build_flat_graph()
        command = ["build", "--exclude-resource-type=unit_test", "--indirect-selection=buildable"]
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("ADTECH_DATA_DIR", str(self.settings.data_dir))
            environment.setenv("ADTECH_MOST_MEMBERS", str(self.settings.most_members))
            done = dbt.invoke(
                [*command, "--select", *(f"+{mart}" for mart in self.names), *options],
                project_dir=DBT_DIR,
                target_path=self.settings.dbt_target_dir,
                manifest=manifest,
            )
        failed = {r.node.name: r.message for r in done.results if r.status not in DONE}
        assert not failed

    def marts(self):
        with Warehouse.of(self.settings).connect() as warehouse:
            return {
                mart: warehouse.execute(f"FROM marts.{mart} ORDER BY ALL").fetchall()
                for mart in self.names
            }


def deliver(settings, rng, day, hours, label):
    """Files of some hours: most events in their hour, some around it, far from it, or undated."""
    for kind in KINDS:
        for hour in hours:
            start = datetime(day.year, day.month, day.day, hour, tzinfo=ZONE)
            events = rng.randrange(12)
            times = []
            for _ in range(events):
                moment = start + timedelta(seconds=rng.randrange(3600))
                if rng.random() < 0.3:
                    moment += timedelta(hours=rng.choice((-72, -49, -25, -24, -1, 1, 24, 25, 49)))
                times.append(int(moment.timestamp() * 1000))
            for place in range(events):
                if rng.random() < 0.1:
                    times[place] = rng.choice((None, 0, 1667123456))  # unset, or in seconds
            write_log_file(
                settings.raw_data_dir / f"{kind}_{label}_{day:%Y%m%d}{hour:02}.parquet",
                kind,
                user_agents=rng.choices(list(REASONS), k=events),
                creation_times_ms=times,
                campaign_ids=[1] * events,
                is_fraud=rng.choices((True, False, None), k=events),
            )


def fill(source, rng, first, last):
    """Rows of the source around the logs' days, on the edges of hours and days, and undated."""
    start, hours = datetime(first.year, first.month, first.day), 24 * ((last - first).days + 1)  # noqa: DTZ001
    with source.connect() as connection:
        create_schema(connection)
        for table in KINDS:
            for _ in range(400):
                moment = start + timedelta(
                    hours=rng.randrange(-24, hours + 24),
                    microseconds=rng.choice((0, 1, 3_599_999_999, rng.randrange(3_600_000_000))),
                )
                connection.execute(
                    f"INSERT INTO {table} (campaign_id, created_at) VALUES (%s, %s)",
                    [rng.choice((1, 2, None)), rng.choice((moment, moment, moment, None))],
                )


@pytest.fixture
def pipeline(settings, source):
    """Loaded in three runs: three days, the one in the middle again with late files, one before."""
    rng = random.Random(20221030)  # noqa: S311
    before, after = SUNDAY - timedelta(2), SUNDAY + timedelta(1)
    fill(source, rng, before, after)
    for day in (before, SUNDAY - timedelta(1), SUNDAY, after):
        deliver(settings, rng, day, (0, 1, 2, 3, 12, 22, 23), "first")
    pipeline = Pipeline(settings, source)
    pipeline.run(SUNDAY - timedelta(1), after)
    deliver(settings, rng, SUNDAY, range(24), "late")
    pipeline.run(SUNDAY, SUNDAY)
    pipeline.run(before, before)
    return pipeline


def test_marts_equal_a_recount_and_a_full_refresh_changes_nothing(pipeline):
    marts = pipeline.marts()
    expected = recounted(pipeline.settings.raw_data_dir, pipeline.source, pipeline.loaded)
    for mart, rows in expected.items():
        assert marts[mart] == sorted(rows), mart
    assert {row[1]: row[6] or "none" for row in marts["dim_user_agents"]} == REASONS
    pipeline.dbt("--full-refresh")
    assert pipeline.marts() == marts


def test_no_logs_and_no_rows_at_all_are_days_of_nothing(settings, source):
    with source.connect() as connection:
        create_schema(connection)
    pipeline = Pipeline(settings, source)
    pipeline.run(SUNDAY, SUNDAY)
    nothing = ("ok", 0, 0, 0, None, SUNDAY)
    assert pipeline.marts() == {mart: [] for mart in MARTS} | {
        "fct_log_reconciliation_daily": [("clicks", *nothing), ("impressions", *nothing)]
    }
