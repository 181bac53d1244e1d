"""A night in fast motion: who is told of what, while things go wrong and right again.

Real runs on real stores, a Postgres that stops, a disk that is full, processes that are killed.
The clock of the sensors is the night's; between two of their ticks they forget what they have not
written down, as after a restart.
"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, time, timedelta
from types import SimpleNamespace

import dagster as dg
import pytest

from adtech_assets.alerts.memory import Memory
from adtech_assets.cli.running import RUN_CONFIG
from adtech_assets.definitions import build_definitions
from adtech_assets.defs import automation, leases, nights, steps
from adtech_assets.defs.alerting import Watch
from adtech_assets.defs.automation import PIPELINE
from adtech_assets.environment import PROJECT_DIR
from adtech_assets.feed import deliveries as sensor
from adtech_assets.feed import quarantine
from adtech_assets.feed.deliveries import Deliveries
from adtech_assets.operational.schema import create_schema
from adtech_assets.partitions import loadable_days, today
from adtech_assets.settings import load_settings
from adtech_assets.stores import postgres as postgres_store
from adtech_assets.stores.postgres import Postgres
from adtech_assets_tests.alerts.listeners import Webhook, listening
from adtech_assets_tests.feed import deliveries
from adtech_assets_tests.hostile.disks import mount
from adtech_assets_tests.sample_feed import PROJECT

__all__ = ["mount"]  # a fixture

KILLED = """
import json, sys
import dagster as dg
from adtech_assets.definitions import defs
from adtech_assets_tests.hostile.killed import die_around
die_around("before", "adtech_assets.graph:read", 3)
with dg.DagsterInstance.get() as instance:
    job = defs.resolve_job_def("daily_pipeline")
    job.execute_in_process(instance=instance, tags=json.loads(sys.argv[1]))
"""
OF_THE_SCHEDULE = {"dagster/schedule_name": "daily_pipeline_schedule"}


class Night:
    """The sensors' ticks, the runs that they ask for, and what happens between them."""

    def __init__(self, settings, instance, database, disk):
        self.settings, self.instance = settings, instance
        self.database, self.disk = database, disk
        self.defs = build_definitions(settings)
        checks = self.defs.resolve_asset_graph().asset_check_keys
        self.watch = Watch(instance, settings, PROJECT, checks)
        self.now = datetime.combine(today(settings.zone), time(), tzinfo=settings.zone)
        self.yesterday = self.now.date() - timedelta(1)
        self.day_before = self.now.date() - timedelta(2)
        self.deliveries, self.alerts = "", ""
        self.files = 0
        self.broken = None

    def deliver(self, day, kind="clicks"):
        self.files += 1
        name = f"{kind}_{self.files}_{day:%Y%m%d}10.parquet"
        return deliveries.deliver(self.settings, name, f"agent {self.files}")

    def run(self, tags):
        """A run in this process, whatever becomes of it."""
        self.defs.resolve_job_def(PIPELINE).execute_in_process(
            instance=self.instance, tags=tags, run_config=RUN_CONFIG, raise_on_error=False
        )

    def killed_run(self, tags):
        """A run whose process ends as by `kill -9`, in the middle of its work."""
        command = [sys.executable, "-W", "ignore", "-c", KILLED, json.dumps(tags)]
        killed = subprocess.run(command, cwd=PROJECT_DIR, check=False, capture_output=True)
        assert killed.returncode == -9, killed.stderr.decode()

    def requests(self):
        """Tags of the runs that the sensor on new log files asks for."""
        leases.fail_lost_runs(self.instance, self.settings)
        memory = Deliveries.from_cursor(self.deliveries)
        requests = memory.next_requests(
            self.settings,
            loadable_days(self.settings),
            lambda request: automation.outcome(self.instance, request),
        )
        self.deliveries = memory.to_cursor()
        of_nights = nights.run_again(self.instance, self.settings, datetime.now(UTC).timestamp())
        return [each.tags for each in (*map(automation.run_request, requests), *of_nights)]

    def tick(self):
        for tags in self.requests():
            self.run(tags)
        memory = Memory.from_cursor(self.alerts)
        self.watch.tell(memory, self.now)
        self.alerts = memory.to_cursor()

    def all_is_loaded(self):
        return deliveries.names_in(self.settings.raw_data_dir) == set()

    def is_over(self):
        """Whether the run of the night has succeeded."""
        tags = nights.run_request(self.settings, self.yesterday).tags
        attempts = self.instance.get_runs(dg.RunsFilter(tags=tags))
        return [run.status.value for run in attempts] == ["SUCCESS", "FAILURE"]

    def until(self, clock, every=5):
        """Let the time pass, with a tick each so many minutes."""
        end = datetime.combine(self.now.date(), time.fromisoformat(clock), tzinfo=self.now.tzinfo)
        while self.now < end:
            self.now = min(end, self.now + timedelta(minutes=every))
            self.tick()


# ---- what happens, and what a person is told of it ---------------------------------------------


def a_run_of_the_schedule_is_killed(night):
    request = nights.run_request(night.settings, night.yesterday)
    night.killed_run({**request.tags, **OF_THE_SCHEDULE})
    night.until("00:15")
    assert night.is_over()


def files_come_late(night):
    night.deliver(night.day_before)
    night.until("00:25")
    assert night.all_is_loaded()


def a_database_is_down_for_some_minutes(night):
    night.database.stop("immediate")
    night.deliver(night.day_before)
    night.until("00:30")
    assert not night.all_is_loaded()
    night.database.start()
    night.until("00:35")
    assert night.all_is_loaded()


def a_run_of_the_sensor_is_killed(night):
    night.deliver(night.day_before)
    [tags] = night.requests()
    night.killed_run(tags)
    night.until("00:45")
    assert night.all_is_loaded()


def a_file_cannot_be_read(night):
    night.broken = night.deliver(night.day_before)
    night.broken.write_bytes(b"no parquet")
    night.until("01:00")


def somebody_throws_it_away(night):
    quarantine.discard(night.settings, night.broken.name)
    night.until("01:05")


def a_disk_is_full(night):
    night.disk.fill()
    night.until("01:15")


def a_run_fails_of_it_time_and_again(night):
    night.deliver(night.day_before)
    night.until("02:00", every=15)


def somebody_makes_room(night):
    night.disk.make_room()
    night.until("03:00", every=30)
    assert night.all_is_loaded()


def a_database_is_down_for_an_hour(night):
    night.database.stop("immediate")
    night.deliver(night.day_before)
    night.until("04:00", every=20)


def somebody_starts_it(night):
    night.database.start()
    night.until("05:50", every=60)
    assert night.all_is_loaded()


def yesterday_has_not_come_by_six(night):
    night.until("06:00")


def it_comes_in_the_morning(night):
    night.deliver(night.yesterday)
    night.until("06:30", every=20)
    assert night.all_is_loaded()


NIGHT = {
    a_run_of_the_schedule_is_killed: [],
    files_come_late: [],
    a_database_is_down_for_some_minutes: [],
    a_run_of_the_sensor_is_killed: [],
    a_file_cannot_be_read: ["1 file in quarantine"],
    somebody_throws_it_away: ["resolved: 1 file in quarantine"],
    a_disk_is_full: ["1 disk nearly full"],
    a_run_fails_of_it_time_and_again: ["1 failed run"],
    somebody_makes_room: ["resolved: 1 disk nearly full, 1 failed run"],
    a_database_is_down_for_an_hour: ["1 failed run"],
    somebody_starts_it: ["resolved: 1 failed run"],
    yesterday_has_not_come_by_six: ["1 day not there"],
    it_comes_in_the_morning: ["resolved: 1 day not there"],
}


@pytest.fixture
def channel():
    with listening(Webhook()) as server:
        yield server


@pytest.fixture
def dead_channel():
    """It answers that something is wrong, until somebody sees to it."""
    with listening(Webhook()) as server:
        server.status = 503
        yield server


@pytest.fixture
def database(tcp_server):
    """A server of its own for the target, with an empty database."""
    tcp_server.execute('DROP DATABASE IF EXISTS "night"')
    tcp_server.execute('CREATE DATABASE "night"')
    yield tcp_server
    if not tcp_server.is_running():
        tcp_server.start()


@pytest.fixture
def settings(settings, database, channel, dead_channel, monkeypatch):
    """Of the night, for this process and those that are killed."""
    environment = {
        "RAW_DATA_DIR": settings.raw_data_dir,
        "OUTPUT_DIR": settings.output_dir,
        "DATA_DIR": settings.data_dir,
        "SOURCE_DATABASE_URL": settings.source_database_url.get_secret_value(),
        "TARGET_DATABASE_URL": database.url("night"),
        "SETTLE_SECONDS": 0,
        "START_DATE": today(settings.zone) - timedelta(2),
        "ALERTS": f"{channel.url()} {dead_channel.url()}",
        "LEAST_FREE_PERCENT": 1,
    }
    for name, value in environment.items():
        monkeypatch.setenv(f"ADTECH_{name}", str(value))
    monkeypatch.setenv("DAGSTER_HOME", str(PROJECT_DIR))
    return load_settings()


@pytest.fixture
def night(settings, database, mount, monkeypatch):
    monkeypatch.setattr(postgres_store, "RETRY_SECONDS", 0.0)
    monkeypatch.setattr(steps, "STEP_RETRY_SECONDS", 0)
    with Postgres.of(settings, "source").connect() as source:
        create_schema(source)
    with dg.DagsterInstance.get() as instance:
        night = Night(settings, instance, database, mount(settings.output_dir))
        clock = SimpleNamespace(time=lambda: night.now.timestamp())  # noqa: PLW0108 - it changes
        monkeypatch.setattr(sensor, "time", clock)
        night.deliver(night.day_before)
        night.tick()
        yield night


def test_a_person_is_told_of_what_needs_one_and_of_nothing_else(night, channel, dead_channel):
    assert channel.titles == []
    for happens, titles in NIGHT.items():
        happens(night)
        assert channel.titles == [f"adtech: {title}" for title in titles], happens.__name__
        channel.taken.clear()
        if happens is a_file_cannot_be_read:
            dead_channel.status = 200
            night.tick()
            assert dead_channel.titles == ["adtech: 1 file in quarantine"], "and nothing of before"
    assert Memory.from_cursor(night.alerts).since == {}
