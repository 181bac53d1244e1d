"""Every way of starting: what is published is right after rows and files of all days changed."""

from __future__ import annotations

import signal
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

import pytest

from adtech_assets.cli.running import selected_assets
from adtech_assets.defs.days import RANGE_START_TAG, range_tags
from adtech_assets_tests.end_to_end.conftest import Deployment
from adtech_assets_tests.end_to_end.dev import Dev, wait_until
from adtech_assets_tests.hostile.forks import environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adtech_assets_tests.end_to_end.changing import Changing

BACKFILL_TAG = "dagster/backfill"
ONE_ASSET = "published/fct_campaign_daily"
PATIENCE_SECONDS = 900
"""A run takes ten seconds, on a machine with nothing else to do."""


class Commands(Deployment):
    """The commands on the stores of a story."""

    def __init__(self, story: Changing) -> None:
        super().__init__(story.settings.data_dir.parent)
        self.story = story

    @property
    def environment(self) -> dict[str, str]:
        return environment(self.story.settings) | {
            "DAGSTER_HOME": super().environment["DAGSTER_HOME"],
            "COLUMNS": "160",
        }


@pytest.fixture
def commands(story: Changing) -> Commands:
    return Commands(story)


def assert_is_right(story: Changing) -> None:
    """All that is published and loaded is what a plain recomputation gives."""
    story.extracted()
    story.assert_published()
    story.assert_loaded()


# ---- commands ----------------------------------------------------------------------------------


def test_adtech_backfill(commands, story):
    story.change()
    commands.adtech("backfill", "--from", str(story.days.first), "--to", str(story.days.last))
    assert_is_right(story)


def test_adtech_backfill_of_one_asset_with_what_is_upstream(commands, story):
    story.change()
    commands.adtech(
        "backfill", "--from", str(story.days.first), "--to", str(story.days.last),
        "--select", f"+{ONE_ASSET}",
    )  # fmt: skip
    story.extracted()
    story.assert_published("fct_campaign_daily")


def test_dagster_asset_materialize_with_a_range(commands, story):
    story.change()
    done = commands.run(
        "dagster", "asset", "materialize", "--select", "*", "-m", "adtech_assets.definitions",
        "--partition-range", f"{story.days.first}...{story.days.last}",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert_is_right(story)


# ---- the UI and the daemon ---------------------------------------------------------------------


class Page:
    """A running `adtech dev` whose sensor starts nothing until it is switched on."""

    def __init__(self, story: Changing) -> None:
        self.story = story
        self.dev = Dev(Commands(story))
        (repository,) = self.dev.ask(
            "{ repositoriesOrError { ... on RepositoryConnection "
            "{ nodes { name location { name } } } } }"
        )["repositoriesOrError"]["nodes"]
        self.repository = {
            "repositoryName": repository["name"],
            "repositoryLocationName": repository["location"]["name"],
        }
        self.stop_sensor()

    @property
    def sensor(self) -> dict[str, str]:
        return {**self.repository, "sensorName": "new_log_files"}

    def start_sensor(self) -> None:
        self.dev.ask(
            "mutation ($it: SensorSelector!) { startSensor(sensorSelector: $it) "
            "{ ... on Sensor { name } } }",
            it=self.sensor,
        )

    def stop_sensor(self) -> None:
        state = self.dev.ask(
            "query ($it: SensorSelector!) { sensorOrError(sensorSelector: $it) "
            "{ ... on Sensor { sensorState { id } } } }",
            it=self.sensor,
        )["sensorOrError"]["sensorState"]
        self.dev.ask(
            "mutation ($id: String!) { stopSensor(id: $id) "
            "{ ... on StopSensorMutationResult { instigationState { status } } } }",
            id=state["id"],
        )

    def launch(self, tags: dict[str, str]) -> None:
        """Launch the job from its page, with tags."""
        answer = self.dev.ask(
            "mutation ($it: ExecutionParams!) { launchRun(executionParams: $it) "
            "{ __typename ... on PythonError { message } } }",
            it={
                "selector": {**self.repository, "jobName": "daily_pipeline"},
                "mode": "default",
                "executionMetadata": {
                    "tags": [{"key": key, "value": value} for key, value in tags.items()]
                },
            },
        )["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer

    def runs(self) -> list[str]:
        """Status of every run; there is no need to wait for more if one has failed."""
        runs = self.dev.runs()
        if {"FAILURE", "CANCELED"} & set(runs):
            pytest.fail(f"a run failed: {runs}, {self.dev.failures()}")
        return runs

    def tags_of_runs(self) -> list[dict[str, str]]:
        """Tags of every run."""
        found = self.dev.ask("{ runsOrError { ... on Runs { results { tags { key value } } } } }")[
            "runsOrError"
        ]["results"]
        return [{tag["key"]: tag["value"] for tag in run["tags"]} for run in found]

    def wait_for_runs(self, at_least: int) -> None:
        def succeeded() -> bool:
            runs = self.runs()
            return len(runs) >= at_least and set(runs) == {"SUCCESS"}

        wait_until(succeeded, PATIENCE_SECONDS)

    def wait_for_backfill(self, backfill: str) -> None:
        def completed() -> bool:
            assert self.runs()
            return self.dev.backfill_status(backfill) == "COMPLETED_SUCCESS"

        wait_until(completed, PATIENCE_SECONDS)


@pytest.fixture(scope="module")
def page(changing_loaded, tmp_path_factory) -> Iterator[Page]:
    """Its story goes on from test to test: each changes something, whatever was changed before."""
    page = Page(changing_loaded.copied(tmp_path_factory.mktemp("page")))
    yield page
    page.dev.process.send_signal(signal.SIGTERM)
    page.dev.process.communicate()


def test_materialize_all_from_the_asset_graph(page):
    """One run has all that is built by day; Dagster makes others of the rest, as it gets ready."""
    page.story.change()
    backfill = page.dev.backfill(page.dev.assets(), map(str, page.story.days))
    page.wait_for_backfill(backfill)
    assert_is_right(page.story)
    tags = page.tags_of_runs()
    by_day = [run for run in tags if run.get(BACKFILL_TAG) == backfill and RANGE_START_TAG in run]
    assert len(by_day) == 1


def test_one_asset_with_what_is_upstream_from_the_asset_graph(page):
    page.story.change()
    assets = [key.to_user_string() for key in selected_assets(f"+{ONE_ASSET}")]
    backfill = page.dev.backfill(assets, map(str, page.story.days))
    page.wait_for_backfill(backfill)
    page.story.extracted()
    page.story.assert_published("fct_campaign_daily")


def test_the_page_of_the_job_with_a_range(page):
    page.story.change()
    before = len(page.dev.runs())
    page.launch(range_tags(page.story.days))
    page.wait_for_runs(before + 1)
    assert_is_right(page.story)


def test_dagster_job_backfill(page):
    page.story.change()
    before = len(page.dev.runs())
    days = page.story.days
    done = page.dev.deployment.run(
        "dagster", "job", "backfill", "-j", "daily_pipeline",
        "--from", str(days.first), "--to", str(days.last), "--noprompt",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    page.wait_for_runs(before + len(days))
    assert_is_right(page.story)


def test_the_sensor(page):
    page.story.change()
    before = len(page.dev.runs())
    page.start_sensor()
    page.wait_for_runs(before + 1)
    page.stop_sensor()
    assert_is_right(page.story)


def test_the_schedule(page):
    """At midnight after the last of the days, asked for on its page."""
    page.story.change()
    before = len(page.dev.runs())
    zone = page.story.settings.zone
    midnight = datetime.combine(page.story.days.last + timedelta(1), time(), zone)
    requests = page.dev.ask(
        """
        mutation ($it: ScheduleSelector!, $at: Float!) {
            scheduleDryRun(selectorData: $it, timestamp: $at) {
                ... on DryRunInstigationTick {
                    evaluationResult { runRequests { tags { key value } } }
                }
            }
        }
        """,
        it={**page.repository, "scheduleName": "daily_pipeline_schedule"},
        at=midnight.timestamp(),
    )["scheduleDryRun"]["evaluationResult"]["runRequests"]
    for request in requests:
        page.launch({tag["key"]: tag["value"] for tag in request["tags"]})
    page.wait_for_runs(before + 1)
    assert_is_right(page.story)
