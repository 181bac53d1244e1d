"""`adtech dev`: the sensor, the daemon and the UI, on the same state as the commands."""

from __future__ import annotations

import json
import signal
import socket
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from adtech_assets_tests.end_to_end.conftest import new_deployment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from adtech_assets_tests.end_to_end.conftest import Deployment

PATIENCE_SECONDS = 300


def wait_until(condition: Callable[[], object]) -> None:
    """Ask again until it is true; what it says otherwise is in the assertion."""
    for attempt in Retrying(
        retry=retry_if_exception_type((AssertionError, OSError)),
        stop=stop_after_delay(PATIENCE_SECONDS),
        wait=wait_fixed(0.5),
        reraise=True,
    ):
        with attempt:
            assert condition()


class Dev:
    """A running `adtech dev`, asked as the UI asks it."""

    def __init__(self, deployment: Deployment) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.deployment = deployment
        self.process = deployment.start("adtech", "dev", "--port", str(self.port))
        wait_until(lambda: self.ask("{ version }"))

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql",
            data=json.dumps({"query": query, "variables": variables}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as response:
            answer = json.load(response)
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data

    def runs(self) -> list[str]:
        """Status of every run."""
        data = self.ask("{ runsOrError { ... on Runs { results { status } } } }")
        return [run["status"] for run in data["runsOrError"]["results"]]

    def all_succeeded(self, at_least: int) -> bool:
        runs = self.runs()
        assert "FAILURE" not in runs
        return len(runs) >= at_least and set(runs) == {"SUCCESS"}


@pytest.fixture(scope="module")
def dev(tmp_path_factory, log_files) -> Iterator[Dev]:
    """A deployment whose daemon is running, files delivered."""
    deployment = new_deployment(tmp_path_factory.mktemp("dev"), log_files)
    running = Dev(deployment)
    yield running
    running.process.send_signal(signal.SIGTERM)
    running.process.communicate()


def test_sensor_loads_what_is_delivered(dev, loaded):
    wait_until(lambda: dev.all_succeeded(at_least=1))
    assert dev.deployment.tables() == loaded.tables()


def test_job_backfill_leaves_the_same_tables(dev, loaded):
    before = len(dev.runs())
    done = dev.deployment.run(
        "dagster", "job", "backfill", "-j", "daily_pipeline",
        "--from", "2022-05-26", "--to", "2022-05-27", "--noprompt",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    wait_until(lambda: dev.all_succeeded(at_least=before + 2))
    assert dev.deployment.tables() == loaded.tables()


def test_backfill_from_the_ui_leaves_the_same_tables(dev, loaded):
    nodes = dev.ask("{ assetNodes { assetKey { path } isMaterializable } }")["assetNodes"]
    answer = dev.ask(
        """
        mutation ($params: LaunchBackfillParams!) {
            launchPartitionBackfill(backfillParams: $params) {
                ... on LaunchBackfillSuccess { backfillId }
            }
        }
        """,
        params={
            "assetSelection": [
                {"path": node["assetKey"]["path"]} for node in nodes if node["isMaterializable"]
            ],
            "partitionNames": ["2022-05-26", "2022-05-27"],
        },
    )
    backfill = answer["launchPartitionBackfill"]["backfillId"]
    status = "query ($id: String!) { partitionBackfillOrError(backfillId: $id) "
    status += "{ ... on PartitionBackfill { status } } }"

    def completed() -> bool:
        found = dev.ask(status, id=backfill)["partitionBackfillOrError"]["status"]
        return str(found) == "COMPLETED_SUCCESS"

    wait_until(completed)
    assert dev.deployment.tables() == loaded.tables()


def test_a_second_dev_is_refused(dev):
    done = dev.deployment.run("adtech", "dev", "--port", "0")
    assert done.returncode == 1
    assert "runs already" in done.stderr


def test_a_lost_run_is_marked_as_failed(dev):
    """A run that was killed with -9 must not hold the queue's only place for ever."""
    process = dev.deployment.start(
        "adtech", "backfill", "--from", "2022-05-26", "--to", "2022-05-26"
    )
    leases = dev.deployment.data / "dagster" / "running"
    wait_until(lambda: list(leases.glob("*.lock")))
    process.kill()
    process.communicate()
    wait_until(lambda: dev.runs()[0] == "FAILURE")
    assert list(leases.glob("*.lock")) == []


def test_stopping_dev_leaves_no_process_behind(dev):
    children = psutil.Process(dev.process.pid).children(recursive=True)
    assert children
    dev.process.send_signal(signal.SIGTERM)
    dev.process.communicate()
    _, alive = psutil.wait_procs(children, timeout=PATIENCE_SECONDS)
    assert alive == []
