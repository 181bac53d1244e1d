"""What is told to those who watch from outside: metrics, the dashboard, the sensor of alerts."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.remote_origin import (
    GrpcServerCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from filelock import FileLock
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from adtech_assets.alerts.memory import Memory
from adtech_assets.definitions import build_definitions
from adtech_assets.defs import metrics
from adtech_assets.defs.alerting import QUEUE_SECONDS, Watch
from adtech_assets.environment import PROJECT_DIR
from adtech_assets.partitions import DayRange
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.alerts.listeners import MailServer, Webhook, free_port, listening
from adtech_assets_tests.end_to_end.dev import wait_until
from adtech_assets_tests.sample_feed import PROJECT

DASHBOARD = json.loads((PROJECT_DIR / "deploy/grafana-dashboard.json").read_text(encoding="utf-8"))


def read(text):
    """Values by name and labels."""
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def queue(instance):
    """Let a run wait for its turn."""
    location = GrpcServerCodeLocationOrigin(host="127.0.0.1", port=4000, location_name="code")
    origin = RemoteRepositoryOrigin(location, "repository")
    instance.add_run(
        dg.DagsterRun(
            job_name="daily_pipeline",
            status=dg.DagsterRunStatus.QUEUED,
            remote_job_origin=RemoteJobOrigin(origin, "daily_pipeline"),
        )
    )


@pytest.fixture
def ask(story, run):
    """What Prometheus would be answered."""
    registry = metrics.registry(run.instance, story.settings, PROJECT)
    return lambda: read(generate_latest(registry).decode())


def midnight(day):
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


def test_metrics_say_what_is_loaded_what_stands_and_how_runs_went(story, run, ask):
    run()
    run(select="daily_csv", rebuild=True, days=DayRange(story.today, story.today))
    broken = story.settings.raw_data_dir / f"clicks_broken_{story.today:%Y%m%d}09.parquet"
    broken.write_bytes(b"no parquet")
    found = ask()
    assert found["adtech_stores_readable",] == 1
    for branch in ("log", "operational"):
        assert found["adtech_last_loaded_day_timestamp_seconds", branch] == midnight(story.today)
    assert 0 <= found["adtech_newest_file_age_seconds",] < 3600
    # The day of the file that waits is stale.
    assert found["adtech_days", "loaded"] == len(story.days) - 1
    assert (found["adtech_days", "stale"], found["adtech_days", "missing"]) == (1, 0)
    assert found["adtech_files", "waiting"] == 1
    assert found["adtech_files", "quarantined"] == found["adtech_standing", "file in quarantine"]
    assert found["adtech_runs", "daily_pipeline", "succeeded"] == 2
    assert found["adtech_last_run_duration_seconds", "daily_pipeline", "succeeded"] > 0
    assert (found["adtech_queued_runs",], found["adtech_queue_age_seconds",]) == (0, 0)
    with Warehouse.of(story.settings).connect(read_only=True) as warehouse:
        [(rows,)] = warehouse.execute("SELECT count(*) FROM raw.impression_logs").fetchall()
    assert found["adtech_rows", "raw.impression_logs"] == rows > 0
    size, free = (found[f"adtech_disk_{what}_bytes", "data"] for what in ("size", "free"))
    assert 0 < free < size
    [info] = [key for key in found if key[0] == "adtech_info"]
    assert dg.__version__ in info


def test_every_metric_of_the_dashboard_is_served(run, ask):
    queue(run.instance)
    run()
    served = {name for name, *_ in ask()}
    asked = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    named = {name for expression in asked for name in re.findall(r"\badtech_\w+", expression)}
    assert named
    assert named <= served
    assert served - named == set(), "and it shows all that is served"


def test_a_run_that_has_the_warehouse_keeps_no_one_waiting(story, ask, monkeypatch):
    monkeypatch.setattr(metrics, "READ_AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(metrics, "LOOK_SECONDS", 0.1)
    before = ask()
    with FileLock(f"{story.settings.warehouse_path}.lock"):
        found = ask()
    assert found["adtech_stores_readable",] == 0
    assert found["adtech_days", "loaded"] == before["adtech_days", "loaded"]
    read_at = "adtech_stores_read_timestamp_seconds"
    assert found[read_at,] == before[read_at,] <= time.time()


def test_the_command_prints_and_serves_metrics(loaded):
    assert read(loaded.adtech("metrics"))["adtech_days", "loaded"] == 2
    port = free_port()
    server = loaded.start("adtech", "metrics", "--serve", str(port))
    try:
        wait_until(lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics"), 60)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            assert read(answer.read().decode())["adtech_days", "loaded"] == 2
    finally:
        server.terminate()
        server.communicate()
    assert server.returncode == 130


def test_the_command_tests_channels_and_says_which_are_dead(loaded):
    with listening(Webhook()) as webhook, listening(MailServer()) as mails:
        good = loaded.adtech("alerts", "test", ADTECH_ALERTS=f"{webhook.url()} {mails.url()}")
        assert good.count("taken") == 2
        assert webhook.titles == mails.titles == ["adtech: a test"]
        dead = f"json://127.0.0.1:{free_port()}/s3cret {webhook.url()}"
        done = loaded.run("adtech", "alerts", "test", ADTECH_ALERTS=dead)
    assert done.returncode == 1
    assert "Not told: 1 json." in done.stderr
    assert "s3cret" not in done.stdout + done.stderr
    assert len(webhook.titles) == 2
    assert loaded.run("adtech", "alerts", "test").returncode == 1


class Alerts:
    """The sensor, evaluated as Dagster does, and what came of it."""

    def __init__(self, story, run, webhook, **settings):
        self.run, self.webhook = run, webhook
        urls = SecretStr(webhook.url())
        self.settings = story.settings.model_copy(update={"alerts": urls, **settings})
        self.definitions = build_definitions(self.settings)
        self.cursor = None

    def tick(self):
        """Titles of what is sent."""
        self.webhook.taken.clear()
        [sensor] = [each for each in self.definitions.sensors if each.name == "alerts"]
        context = dg.build_sensor_context(
            instance=self.run.instance,
            cursor=self.cursor,
            repository_def=self.definitions.get_repository_def(),
            resources={"settings": self.settings, "project": PROJECT},
        )
        result = sensor(context)
        self.cursor = result.cursor
        return [title.removeprefix("adtech: ") for title in self.webhook.titles]


@pytest.fixture
def webhook():
    with listening(Webhook()) as server:
        yield server


@pytest.fixture
def alerts(story, run, webhook):
    """Where what the deployment begins with has been told."""
    found = Alerts(story, run, webhook)
    found.tick()
    return found


def test_a_check_that_blocks_is_told_once_and_not_as_a_failed_run_too(alerts, story, run):
    with Warehouse.of(story.settings).connect() as warehouse:
        warehouse.execute("DELETE FROM raw.click_logs")
    run(succeeds=False, rebuild=True)
    assert alerts.tick() == ["1 check not passed"]
    [message] = alerts.webhook.taken
    assert "rows in the ledger and the table differ" in message["message"]
    assert alerts.tick() == []


def test_a_dead_channel_fails_no_tick_and_is_told_at_the_next(alerts, story, run):
    alerts.webhook.status = 500
    story.settings.output_dir.rename(story.settings.output_dir.with_name("away"))
    story.settings.output_dir.write_text("a file")
    run(succeeds=False)
    assert alerts.tick() == []
    alerts.webhook.status = 200
    assert alerts.tick() == ["1 failed run"]
    [message] = alerts.webhook.taken
    assert f"The run for {story.days} failed. " in message["message"]
    assert "http://127.0.0.1:3000/runs/" in message["message"]


def test_a_queue_is_told_of_that_has_not_moved_for_an_hour(alerts, run):
    queue(run.instance)
    watch = Watch(run.instance, alerts.settings, PROJECT, ())
    memory = Memory.from_cursor(alerts.cursor)
    now = datetime.now(alerts.settings.zone)
    alerts.webhook.taken.clear()
    watch.tell(memory, now + timedelta(seconds=QUEUE_SECONDS - 60))
    assert alerts.webhook.titles == []
    watch.tell(memory, now + timedelta(seconds=QUEUE_SECONDS + 60))
    assert alerts.webhook.titles == ["adtech: 1 queue that does not move"]


def test_a_digest_comes_once_a_day_if_it_is_wanted(story, run, webhook):
    alerts = Alerts(story, run, webhook, alerts_digest=True, alerts_time="00:00")
    [digest] = [title for title in alerts.tick() if " is loaded; " in title]
    assert digest.startswith(f"{datetime.now(alerts.settings.zone).date() - timedelta(1)}")
    [message] = [each for each in webhook.taken if each["title"].endswith(digest)]
    assert " impressions, " in message["message"]
    assert alerts.tick() == []
