"""The schedule's days, and what the sensor asks for."""

from __future__ import annotations

import os
import time
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from adtech_assets.defs import automation, nights
from adtech_assets.defs.days import DELIVERY_TAG, daily, range_tags, run_days
from adtech_assets.feed.deliveries import Deliveries
from adtech_assets.partitions import DayRange, contiguous, loadable_days, today


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


class Sensor:
    """The sensor's ticks, and the runs that its requests become."""

    def __init__(self, settings, instance):
        self.settings = settings
        self.instance = instance
        self.cursor = None

    def deliver(self, *names, age=3600):
        for name in names:
            path = self.settings.raw_data_dir / name
            path.write_bytes(b"content")
            os.utime(path, (time.time() - age,) * 2)

    def take_away(self, *names):
        for name in names:
            (self.settings.raw_data_dir / name).unlink()

    def tick(self):
        """The days asked for."""
        deliveries = Deliveries.from_cursor(self.cursor)
        requests = deliveries.next_requests(
            self.settings,
            loadable_days(self.settings),
            lambda request: automation.outcome(self.instance, request),
        )
        self.cursor = deliveries.to_cursor()
        self.requests = list(map(automation.run_request, requests))
        return [str(run_days(request.tags)) for request in self.requests]

    def finish(self, *, success):
        """End the runs that were asked for last."""
        for request in self.requests:
            run = self.instance.add_run(
                dg.DagsterRun(
                    job_name="daily_pipeline",
                    tags=request.tags,
                    status=dg.DagsterRunStatus.SUCCESS if success else dg.DagsterRunStatus.FAILURE,
                )
            )
            assert run.tags[DELIVERY_TAG] == request.run_key


@pytest.fixture
def sensor(settings, instance):
    return Sensor(settings.model_copy(update={"settle_seconds": 5.0}), instance)


def test_contiguous_days_are_one_range():
    days = [date(2022, 5, day) for day in (3, 1, 2, 6, 8, 9)]
    assert [str(r) for r in contiguous(days)] == [
        "2022-05-01..2022-05-03",
        "2022-05-06",
        "2022-05-08..2022-05-09",
    ]


def test_new_files_are_asked_for_once(sensor):
    sensor.deliver("impressions_2022052611.parquet", "clicks_2022052712.parquet")
    assert sensor.tick() == ["2022-05-26..2022-05-27"]
    assert sensor.tick() == []


def test_days_apart_are_runs_apart(sensor):
    sensor.deliver("impressions_2022052611.parquet", "clicks_2022053012.parquet")
    assert sensor.tick() == ["2022-05-26", "2022-05-30"]


def test_an_unsettled_file_waits(sensor):
    sensor.deliver("impressions_2022052611.parquet", age=0)
    assert sensor.tick() == []


def test_a_loaded_delivery_is_not_asked_for_again_while_its_files_stay(sensor):
    sensor.deliver("impressions_2022052611.parquet")
    sensor.tick()
    sensor.finish(success=True)
    assert [sensor.tick() for _ in range(3)] == [[], [], []]


def test_a_late_file_is_asked_for(sensor):
    sensor.deliver("impressions_2022052611.parquet")
    sensor.tick()
    sensor.finish(success=True)
    sensor.deliver("impressions_2022052612.parquet")
    assert sensor.tick() == ["2022-05-26"]


def test_the_same_name_delivered_after_it_was_archived_is_asked_for(sensor):
    sensor.deliver("impressions_2022052611.parquet")
    sensor.tick()
    sensor.finish(success=True)
    sensor.take_away("impressions_2022052611.parquet")
    sensor.tick()
    sensor.deliver("impressions_2022052611.parquet")
    assert sensor.tick() == ["2022-05-26"]


def test_a_failed_run_is_asked_for_again_under_another_key(sensor):
    sensor.deliver("impressions_2022052611.parquet")
    sensor.tick()
    first = sensor.requests[0].run_key
    sensor.finish(success=False)
    assert sensor.tick() == ["2022-05-26"]
    assert sensor.requests[0].run_key != first


def test_after_a_second_failure_it_pauses(sensor):
    sensor.deliver("impressions_2022052611.parquet")
    sensor.tick()
    sensor.finish(success=False)
    sensor.tick()
    sensor.finish(success=False)
    assert sensor.tick() == []


def test_files_that_arrive_while_their_day_is_loaded_are_asked_for_afterwards(sensor):
    sensor.deliver("impressions_2022052611.parquet")
    sensor.tick()
    sensor.deliver("clicks_2022052611.parquet")
    requests = sensor.requests
    assert sensor.tick() == []
    sensor.requests = requests
    sensor.finish(success=True)
    assert sensor.tick() == ["2022-05-26"]


@pytest.mark.parametrize(
    "name",
    [
        "impressions.parquet",
        "impressions_2022022911.parquet",
        "impressions_2022052624.parquet",
        "clicks_2999010100.parquet",
        "clicks_2020010100.parquet",
        "notes_2022052611.txt",
        ".impressions_2022052611.parquet",
    ],
)
def test_files_of_no_loadable_day_move_nothing(sensor, name):
    sensor.tick()
    before = sensor.cursor
    sensor.deliver(name)
    assert sensor.tick() == []
    assert sensor.cursor == before


def test_memory_grows_with_days_not_with_files(sensor):
    names = [
        f"impressions_202205{day:02}{hour:02}{n:05}.parquet"
        for day in (26, 27)
        for hour in range(10)
        for n in range(500)
    ]
    sensor.deliver(*names)
    assert sensor.tick() == ["2022-05-26..2022-05-27"]
    assert len(sensor.cursor) < 1000


@pytest.fixture
def schedule(settings):
    found = automation.build(settings, daily(settings)).schedules
    return next(each for each in found if each.name == "daily_pipeline_schedule")


@pytest.mark.parametrize(
    ("midnight_utc", "days"),
    [
        ("2022-06-10T22:00", "2022-06-08..2022-06-10"),  # summer time: midnight of the 11th
        ("2022-12-10T23:00", "2022-12-08..2022-12-10"),
        ("2022-05-26T22:00", "2022-05-25..2022-05-26"),  # not before the start date
    ],
)
def test_schedule_asks_for_the_last_full_days(midnight_utc, days, instance, schedule):
    context = dg.build_schedule_context(
        instance=instance,
        scheduled_execution_time=datetime.fromisoformat(midnight_utc).replace(tzinfo=UTC),
    )
    request = schedule(context)
    assert str(run_days(request.tags)) == days


def test_schedule_skips_before_the_first_full_day(instance, schedule):
    context = dg.build_schedule_context(
        instance=instance,
        scheduled_execution_time=datetime(2022, 5, 24, 22, tzinfo=UTC),
    )
    assert isinstance(schedule(context), dg.SkipReason)


class Nights:
    """Runs of the last night, and what is asked for after them."""

    def __init__(self, settings, instance):
        self.settings, self.instance = settings, instance
        self.last = today(settings.zone) - timedelta(1)

    def failed(self):
        self.instance.report_run_failed(self.ran("STARTED"))

    def ran(self, status):
        tags = nights.run_request(self.settings, self.last).tags
        run = dg.DagsterRun("daily_pipeline", tags=tags, status=dg.DagsterRunStatus(status))
        return self.instance.add_run(run)

    def after(self, seconds):
        """Run keys of what is asked for so long after it."""
        now = time.time() + seconds
        found = nights.run_again(self.instance, self.settings, now)
        assert all(str(run_days(each.tags)).endswith(str(self.last)) for each in found)
        return [each.run_key for each in found]


@pytest.fixture
def night(settings, instance):
    return Nights(settings, instance)


def test_a_night_that_failed_is_asked_for_again_with_pauses(night):
    night.failed()
    assert night.after(0) == [f"{night.last}/2"]
    night.failed()
    assert night.after(30) == []
    assert night.after(90) == [f"{night.last}/3"]


@pytest.mark.parametrize("status", ["SUCCESS", "CANCELED", "STARTED"])
def test_a_night_that_did_not_fail_is_not_asked_for_again(night, status):
    night.failed()
    night.ran(status)
    assert night.after(7200) == []


def test_a_night_before_the_last_is_not_asked_for_again(night):
    night.last -= timedelta(1)
    night.failed()
    assert night.after(7200) == []


def test_a_run_of_the_same_days_is_no_night(night, instance):
    days = range_tags(DayRange(night.last, night.last))
    instance.report_run_failed(instance.add_run(dg.DagsterRun("daily_pipeline", tags=days)))
    assert night.after(7200) == []


def test_a_day_range_survives_the_tags_of_a_run():
    days = DayRange.parse("2022-05-26", "2022-05-28")
    assert run_days(range_tags(days)) == days
    assert run_days({"dagster/partition": "2022-05-26"}) == DayRange.parse(
        "2022-05-26", "2022-05-26"
    )
    assert run_days({}) is None
