"""Hostile times: days of other lengths, clocks of other zones, rows and files that come late.

What hostile rows do to the KPI marts is in `test_business.py`.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial

import dagster as dg
import psycopg
import pytest

from adtech_assets.audit import row_counts
from adtech_assets.contract import KINDS
from adtech_assets.definitions import build_definitions
from adtech_assets.defs.days import daily, run_days
from adtech_assets.load import audited_load, daily_csv
from adtech_assets.operational import snapshot
from adtech_assets.operational.schema import create_schema
from adtech_assets.sample.log_files import generate_log_files
from adtech_assets.settings import START_DATE, load_settings
from adtech_assets.stores.postgres import Postgres
from adtech_assets_tests.feed.deliveries import (
    DAY,
    FIRST,
    NEXT_DAY,
    days,
    deliver,
    ledger,
    rolled_up,
    statuses,
    write,
)
from adtech_assets_tests.hostile.conftest import Pipeline
from adtech_assets_tests.hostile.zones import elsewhere

SPRING, AUTUMN = date(2022, 3, 27), date(2022, 10, 30)
"""The day of 23 hours and the day of 25 hours, in Copenhagen."""

BOTH_DAYS = days(DAY, NEXT_DAY)
HOUR = timedelta(hours=1)
EVENTS = 2000
"""Impressions of a day: enough for every hour to have some."""


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=None)


def milliseconds(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def audits(pipeline, of=BOTH_DAYS):
    with pipeline.target.connect(read_only=True) as connection:
        return audited_load.audits(connection, of)


# ---- 37 and 38: days of 23 and 25 hours --------------------------------------------------------


@pytest.fixture
def around(settings):
    """Loads a day with the days before and after it; the pipeline, and what was ingested."""
    early = {"user_agent": "*", "start_date": date(2022, 1, 1)}
    pipeline = Pipeline(settings.model_copy(update=early))

    def load(day):
        of = days(day - timedelta(1), day + timedelta(1))
        generate_log_files(settings.raw_data_dir, list(of), events_per_day=EVENTS, ctr=0.5)
        return pipeline, pipeline.run(of)

    return load


def utc_hours(pipeline, kind="impression"):
    """Events of each UTC hour, by day of the file name."""
    query = (
        f"SELECT file_date, date_trunc('hour', event_at), count(*) FROM raw.{kind}_logs GROUP BY "
        "ALL ORDER BY ALL"
    )
    found: dict[date, dict[datetime, int]] = {}
    for day, hour, events in pipeline.look(lambda w: w.execute(query).fetchall()):
        found.setdefault(day, {})[hour] = events
    return found


def assert_each_utc_hour_is_once_and_nothing_is_lost(hours):
    in_order = [hour for day in sorted(hours) for hour in hours[day]]
    assert in_order == [in_order[0] + n * HOUR for n in range(len(in_order))]
    assert {day: sum(events.values()) for day, events in hours.items()} == dict.fromkeys(
        hours, EVENTS
    )


def test_h37_a_day_of_23_hours_has_23_utc_hours(around):
    pipeline, ingested = around(SPRING)

    hours = utc_hours(pipeline)

    assert [len(hours[day]) for day in sorted(hours)] == [24, 23, 24]
    assert min(hours[SPRING]) == utc("2022-03-26 23:00")
    assert max(hours[SPRING]) == utc("2022-03-27 21:00")
    assert_each_utc_hour_is_once_and_nothing_is_lost(hours)
    assert [ingested[kind].events_other_hour for kind in KINDS] == [0, 0]


def test_h37_the_hour_that_clocks_skip_has_no_row(around):
    pipeline, _ = around(SPRING)

    served = pipeline.served(days(SPRING))

    assert [hour for hour, _, _ in served] == [0, 1, *range(3, 24)]
    assert sum(impressions for _, impressions, _ in served) == EVENTS
    assert sum(clicks for _, _, clicks in served) == EVENTS // 2


def test_h37_a_file_named_for_the_skipped_hour_is_counted_under_its_name(pipeline):
    half_past_three = milliseconds("2022-03-27 01:30")
    deliver(pipeline.settings, "impressions_2022032702.parquet", "agent", times=[half_past_three])

    ingested = pipeline.run(days(SPRING))

    assert ingested["impressions"].events_other_hour == 1
    assert pipeline.served(days(SPRING)) == [(2, 1, 0)]


def test_h38_a_day_of_25_hours_has_25_utc_hours(around):
    pipeline, ingested = around(AUTUMN)

    hours = utc_hours(pipeline)

    assert [len(hours[day]) for day in sorted(hours)] == [24, 25, 24]
    assert min(hours[AUTUMN]) == utc("2022-10-29 22:00")
    assert max(hours[AUTUMN]) == utc("2022-10-30 22:00")
    assert_each_utc_hour_is_once_and_nothing_is_lost(hours)
    assert [ingested[kind].events_other_hour for kind in KINDS] == [0, 0]


def test_h38_the_hour_that_comes_twice_is_one_row_with_the_events_of_both(around):
    pipeline, _ = around(AUTUMN)
    twice = [utc("2022-10-30 00:00"), utc("2022-10-30 01:00")]
    impressions, clicks = (utc_hours(pipeline, kind)[AUTUMN] for kind in ("impression", "click"))

    served = {hour: counts for hour, *counts in pipeline.served(days(AUTUMN))}

    assert list(served) == list(range(24))
    assert served[2] == [sum(side.get(hour, 0) for hour in twice) for side in (impressions, clicks)]
    assert impressions[twice[0]]
    assert impressions[twice[1]]
    files = pipeline.look(lambda w: ledger(w, "kind", "file_date", "file_hour"))
    assert files.count(("impressions", AUTUMN, 2)) == 2
    assert files.count(("impressions", AUTUMN, 3)) == 1


def test_h37_and_the_nights_around_it_each_midnight_asks_for_the_day_that_has_just_ended():
    assert_last_days_asked_for(
        {
            "2023-03-25 23:00": "2023-03-25",
            "2023-03-26 22:00": "2023-03-26",
            "2023-03-27 22:00": "2023-03-27",
        }
    )


def test_h38_and_the_nights_around_it_each_midnight_asks_for_the_day_that_has_just_ended():
    assert_last_days_asked_for(
        {
            "2022-10-29 22:00": "2022-10-29",
            "2022-10-30 23:00": "2022-10-30",
            "2022-10-31 23:00": "2022-10-31",
        }
    )


def test_h37_the_day_is_one_partition_of_23_hours():
    assert_one_partition("2023-03-26", hours=23)


def test_h38_the_day_is_one_partition_of_25_hours():
    assert_one_partition("2022-10-30", hours=25)


def assert_last_days_asked_for(last_days):
    """Of each midnight (UTC), the schedule asks for the days up to the one given."""
    asked = {midnight: asked_for_at(midnight) for midnight in last_days}
    assert {midnight: str(of.last) for midnight, of in asked.items()} == last_days
    assert [len(of) for of in asked.values()] == [3, 3, 3]


def asked_for_at(midnight_utc):
    at = datetime.fromisoformat(midnight_utc).replace(tzinfo=UTC)
    context = dg.build_schedule_context(scheduled_execution_time=at)
    defs = build_definitions(load_settings(start_date=START_DATE))
    schedule = defs.resolve_schedule_def("daily_pipeline_schedule")
    return run_days(schedule(context).tags)


def assert_one_partition(day, *, hours):
    days = daily(load_settings(start_date=START_DATE))
    window = days.time_window_for_partition_key(day)
    assert window.end.timestamp() - window.start.timestamp() == hours * 3600
    assert days.get_partition_keys().count(day) == 1


# ---- 39: clocks in other zones -----------------------------------------------------------------

ROWS = """
TRUNCATE advertiser, campaign, impressions, clicks RESTART IDENTITY;
INSERT INTO advertiser (id, name, created_at) VALUES (1, 'Acme', '2022-03-27 02:30');
INSERT INTO campaign (id, name, bid, budget, start_date, end_date, advertiser_id, created_at)
VALUES (1, 'Spring', 0.5, 100, '2022-03-27', '2022-10-30', 1, '2022-10-30 02:30');
INSERT INTO impressions (campaign_id, created_at) VALUES
    (1, '2022-10-29 23:59:59.999999'), (1, '2022-10-30 00:00'), (1, '2022-10-30 02:30'),
    (1, '2022-10-30 23:59:59.999999'), (1, '2022-10-31 00:00'), (1, NULL);
INSERT INTO clicks (campaign_id, created_at) VALUES (1, '2022-10-30 01:30');
"""


def outputs(settings):
    """All that both branches make of a day of log files and rows, without times of the run."""
    of = days(AUTUMN)
    generate_log_files(settings.raw_data_dir, [AUTUMN], events_per_day=200, ctr=0.5)
    pipeline = Pipeline(settings)
    pipeline.run(of)
    assert_audited_in_utc(pipeline, of)
    source = operational(settings)
    with source.connect() as connection:
        connection.execute(ROWS)

    def tables(warehouse):
        snapshot.extract(warehouse, source, of, snapshot.RAW_TABLES, "run")
        logs = {f"{kind}_logs": "*" for kind in ("impression", "click")}
        copies = {name: snapshot.SOURCES[name].columns_sql() for name in snapshot.RAW_TABLES}
        return {
            table: sorted(
                warehouse.execute(f"SELECT {columns} FROM raw.{table}").fetchall(), key=repr
            )
            for table, columns in (logs | copies).items()
        } | {
            "rollup": rolled_up(warehouse),
            "ledger": ledger(warehouse, "file_name", "sha256", "rows", "events_other_hour"),
            "days": warehouse.execute(
                "SELECT event_date, impressions, clicks FROM raw.extracted_days"
            ).fetchall(),
        }

    found = pipeline.look(tables)
    assert found["days"] == [(AUTUMN, 3, 1)]
    return found | {
        "csv": daily_csv.path_of(settings.output_dir, AUTUMN).read_text(),
        "served": pipeline.served(of),
        "status": pipeline.status().days[AUTUMN].state,
    }


def assert_audited_in_utc(pipeline, of):
    now = datetime.now(UTC).replace(tzinfo=None)
    with pipeline.target.connect(read_only=True) as connection:
        times = connection.execute("SELECT audit_loaded_datetime FROM csv_data_task").fetchall()
    times += [(audit.loaded_at,) for audit in audits(pipeline, of).values()]
    assert len(times) > 1
    assert all(now - timedelta(minutes=5) < at <= now for (at,) in times)


@pytest.fixture
def of_zone(settings, tmp_path, databases):
    """The outputs of a deployment of its own in zones of machine and server."""

    def make(machine, server):
        folder = tmp_path / machine
        own = {f"{name}_dir": folder / name for name in ("raw_data", "output", "data")}
        with psycopg.connect(databases["target"]) as target:
            # It belongs to the deployment of the other zones.
            target.execute("DROP TABLE IF EXISTS public.target_owner")
        with elsewhere(machine, server, databases.values()):
            return outputs(settings.model_copy(update={"user_agent": "*", **own}))

    return make


@pytest.mark.parametrize(
    ("machine", "server"),
    [("America/Los_Angeles", "Asia/Tokyo"), ("Pacific/Kiritimati", "America/St_Johns")],
)
def test_h39_the_zones_of_machine_and_server_change_no_output(of_zone, machine, server):
    in_utc = of_zone("UTC", "UTC")

    assert of_zone(machine, server) == in_utc


# ---- 40: a file that comes late ----------------------------------------------------------------

LATE = "impressions_2022052611_late.parquet"


@pytest.fixture
def loaded(pipeline):
    """Two loaded days."""
    pipeline.deliver(FIRST, "a", "b")
    pipeline.deliver("clicks_2022052611.parquet", "a")
    pipeline.deliver("impressions_2022052711.parquet", "c")
    pipeline.run(BOTH_DAYS)
    return pipeline


def test_h40_a_late_file_rebuilds_its_day_from_all_its_files(loaded):
    loaded.deliver(LATE, "d")
    assert loaded.status().days[DAY].state == "stale"

    loaded.run(days(DAY))

    assert loaded.served() == [(11, 3, 1)]
    assert audits(loaded)[DAY].file_count == 3
    assert loaded.status().days[DAY].state == "loaded"


def test_h40_a_late_file_leaves_other_days_untouched(loaded):
    csv = daily_csv.path_of(loaded.settings.output_dir, NEXT_DAY)
    before = audits(loaded)[NEXT_DAY], csv.stat()
    loaded.deliver(LATE, "d")

    loaded.run(days(DAY))

    assert (audits(loaded)[NEXT_DAY], csv.stat()) == before
    assert loaded.served(days(NEXT_DAY)) == [(11, 1, 0)]


def test_h40_a_run_of_another_day_leaves_the_late_file_where_it_is(loaded):
    late = loaded.deliver(LATE, "d")

    loaded.run(days(NEXT_DAY))

    assert late.exists()
    assert LATE not in loaded.look(statuses)
    assert loaded.served(BOTH_DAYS) == [(11, 2, 1), (11, 1, 0)]


# ---- 41 and 42: days and hours without events --------------------------------------------------


def test_h41_a_day_without_events_is_zeros_and_a_day_without_files_is_missing(pipeline):
    write(pipeline.settings.raw_data_dir / FIRST)
    write(pipeline.settings.raw_data_dir / "clicks_2022052611.parquet")

    pipeline.run(BOTH_DAYS)

    status = pipeline.status().days
    empty, missing = status[DAY], status[NEXT_DAY]
    assert (empty.state, empty.files, empty.impressions, empty.clicks) == ("empty", 2, 0, 0)
    assert (missing.state, missing.files, missing.loaded_at) == ("missing", 0, None)
    assert list(audits(pipeline)) == [DAY]
    csv = daily_csv.path_of(pipeline.settings.output_dir, DAY)
    assert csv.read_text() == "date,hour,impression_count,click_count\n"
    assert not daily_csv.path_of(pipeline.settings.output_dir, NEXT_DAY).exists()


def test_h42_the_missing_side_of_an_hour_is_0(pipeline):
    pipeline.deliver("impressions_2022052610.parquet", "a", "b")
    pipeline.deliver("clicks_2022052611.parquet", "a")
    pipeline.deliver("impressions_2022052612.parquet", "c")
    pipeline.deliver("clicks_2022052612.parquet", "c")

    pipeline.run()

    assert pipeline.served() == [(10, 2, 0), (11, 0, 1), (12, 1, 1)]


def test_h42_the_missing_side_of_a_day_is_0(pipeline):
    pipeline.deliver("impressions_2022052610.parquet", "a", "b")
    pipeline.deliver("clicks_2022052711.parquet", "a")

    pipeline.run(BOTH_DAYS)

    assert pipeline.served(days(DAY)) == [(10, 2, 0)]
    assert pipeline.served(days(NEXT_DAY)) == [(11, 0, 1)]


@pytest.mark.parametrize(("kind", "counts"), [("impressions", (2, 0)), ("clicks", (0, 2))])
def test_h42_the_missing_side_of_all_deliveries_is_0(pipeline, kind, counts):
    pipeline.deliver(f"{kind}_2022052610.parquet", "a", "b")

    pipeline.run()

    assert pipeline.served() == [(10, *counts)]
    assert pipeline.status().days[DAY].state == "loaded"


# ---- 49 and 50: rows at a boundary, rows that commit late --------------------------------------


def operational(settings):
    """The operational database with its tables, empty."""
    source = Postgres.of(settings, "source")
    with source.connect() as connection:
        create_schema(connection)
    return source


@dataclass
class Extraction:
    """Copies days of impressions from the source into the warehouse, run by run."""

    pipeline: Pipeline
    source: Postgres

    def run(self, *ranges):
        """Ids in the warehouse after runs of these days, each of which was complete."""
        return self.pipeline.look(partial(self._run, ranges))

    def _run(self, ranges, warehouse):
        for of in ranges:
            snapshot.extract(warehouse, self.source, of, snapshot.RAW_TABLES, "run")
            assert row_counts.source_and_raw(warehouse, "impressions", of) == []
        rows = warehouse.execute("SELECT id FROM raw.impressions ORDER BY id").fetchall()
        return [number for (number,) in rows]


@pytest.fixture
def extraction(pipeline):
    return Extraction(pipeline, operational(pipeline.settings))


AT_THE_BOUNDARY = [
    "2022-05-26 00:00",
    "2022-05-26 23:59:59.999999",
    "2022-05-27 00:00",
    "2022-05-27 00:00:00.000001",
    "2022-05-27 23:59:59.999999",
]


@pytest.mark.parametrize(
    "ranges",
    [
        [days(DAY), days(NEXT_DAY)],
        [days(NEXT_DAY), days(DAY)],
        [BOTH_DAYS],
        [days(DAY), BOTH_DAYS, days(NEXT_DAY), days(DAY)],
    ],
    ids=["in order", "backwards", "at once", "again and again"],
)
def test_h49_of_equal_times_at_a_boundary_none_is_lost_and_none_is_twice(extraction, ranges):
    with extraction.source.connect() as connection:
        connection.execute(
            "INSERT INTO impressions (campaign_id, created_at) "
            "SELECT 1, at FROM unnest(%s::timestamp[]) AS at, generate_series(1, 200)",
            [AT_THE_BOUNDARY],
        )

    ids = extraction.run(*ranges)

    assert Counter(ids) == Counter(range(1, 200 * len(AT_THE_BOUNDARY) + 1))


INSERT = "INSERT INTO impressions (campaign_id, created_at) VALUES (1, %s) RETURNING id"


def test_h50_a_row_that_commits_late_with_a_lower_id_is_in_the_next_run_of_its_day(extraction):
    with extraction.source.connect() as late:
        [(lower,)] = late.execute(INSERT, ["2022-05-26 12:00"]).fetchall()
        with extraction.source.connect() as other:
            [(higher,)] = other.execute(INSERT, ["2022-05-26 12:00"]).fetchall()
        assert lower < higher
        assert extraction.run(days(DAY)) == [higher]

    assert extraction.run(days(NEXT_DAY)) == [higher]
    assert extraction.run(days(DAY)) == [lower, higher]
    assert extraction.run(BOTH_DAYS) == [lower, higher]


def test_h50_the_schedule_comes_back_for_a_day_as_often_as_it_looks_back(settings):
    nights = (f"2022-06-{night:02} 22:00" for night in itertools.count(10))
    asked = itertools.takewhile(lambda of: date(2022, 6, 10) in of, map(asked_for_at, nights))

    assert len(list(asked)) == settings.lookback_days == 3
