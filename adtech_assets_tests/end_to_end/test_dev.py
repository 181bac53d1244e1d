"""`adtech dev`: the sensor, the daemon and the UI, on the same state as the commands."""

from __future__ import annotations

import http.client
import re
import signal
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from adtech_assets.cli.run_lines import LOOK_SECONDS
from adtech_assets_tests.end_to_end.conftest import Deployment, new_deployment
from adtech_assets_tests.end_to_end.dev import PATIENCE_SECONDS, Dev, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator


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


def test_the_report_is_served(dev):
    connection = http.client.HTTPConnection("127.0.0.1", dev.port)
    connection.request("GET", "/report")
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("content-type")) == (200, "text/html; charset=utf-8")
    assert b"</html>" in answer.read()
    connection.request("GET", "/report", headers={"Host": "rebound.example"})
    assert connection.getresponse().status == 403


def test_a_run_of_the_command_is_listed_by_its_job_and_can_be_repeated(dev, loaded):
    dev.deployment.adtech("backfill", "--from", "2022-05-26", "--to", "2022-05-26")
    run = dev.runs_of("daily_pipeline")[0]
    assert ("adtech/delivery", None) not in run["tags"].items()
    assert {"dagster/asset_partition_range_start": "2022-05-26"}.items() <= run["tags"].items()
    again = dev.repeat(run["id"])
    wait_until(lambda: dev.runs_of("daily_pipeline")[0]["id"] == again)
    wait_until(lambda: dev.all_succeeded(at_least=3))
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
    backfill = dev.backfill(dev.assets(), ["2022-05-26", "2022-05-27"])
    wait_until(lambda: dev.backfill_status(backfill) == "COMPLETED_SUCCESS")
    assert dev.deployment.tables() == loaded.tables()


def test_a_second_dev_is_refused(dev):
    done = dev.deployment.run("adtech", "dev", "--port", "0")
    assert done.returncode == 1
    assert "runs already" in done.stderr


def test_a_lost_run_is_marked_as_failed(dev):
    """A run that was killed with -9 must not hold the queue's only place for ever."""
    leases = dev.deployment.data / "dagster" / "running"
    before = set(leases.glob("*.lock"))
    process = dev.deployment.start(
        "adtech", "backfill", "--from", "2022-05-26", "--to", "2022-05-26"
    )
    wait_until(lambda: set(leases.glob("*.lock")) - before)
    process.kill()
    process.communicate()
    wait_until(lambda: dev.runs()[0] == "FAILURE")
    wait_until(lambda: list(leases.glob("*.lock")) == [])


def test_a_backup_that_is_taken_while_dev_runs_is_a_deployment(dev, loaded, tmp_path):
    told = dev.deployment.adtech("backup", str(tmp_path / "copy"))
    assert "Backed up" in told
    restored = Deployment(tmp_path / "restored")
    restored.raw_data.mkdir(parents=True)
    restored.adtech("restore", str(tmp_path / "copy"))
    restored.adtech("backfill", "--from", "2022-05-26", "--to", "2022-05-27")
    assert restored.tables() == loaded.tables()


def test_a_running_dev_keeps_restore_out(dev, tmp_path):
    dev.deployment.adtech("backup", str(tmp_path / "copy"))
    done = dev.deployment.run("adtech", "restore", "--yes", str(tmp_path / "copy"))
    assert done.returncode == 1
    assert "adtech dev is running" in done.stderr


def statuses_of(dev, **headers):
    """Of the UI's first page, and of a query by GET."""
    for path in ("/", "/graphql?query=%7Bversion%7D"):
        connection = http.client.HTTPConnection("127.0.0.1", dev.port)
        connection.request("GET", path, headers=headers)
        yield connection.getresponse().status
        connection.close()


def test_the_ui_answers_neither_foreign_names_nor_foreign_pages_nor_graphql_by_get(dev):
    assert list(statuses_of(dev)) == [200, 403]
    assert list(statuses_of(dev, Host="rebound.example")) == [403, 403]
    assert list(statuses_of(dev, Origin="https://evil.example")) == [403, 403]


def test_dev_that_was_started_in_the_background_of_a_script_can_be_stopped(tmp_path, log_files):
    """There SIGINT is ignored, and whoever is started ignores it too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        dev = Dev(new_deployment(tmp_path, log_files))
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    children = psutil.Process(dev.process.pid).children(recursive=True)
    dev.process.send_signal(signal.SIGINT)
    dev.process.communicate(timeout=PATIENCE_SECONDS)
    assert dev.process.returncode == 0
    _, alive = psutil.wait_procs(children, timeout=PATIENCE_SECONDS)
    assert alive == []


def test_stopping_dev_leaves_no_process_behind(dev):
    children = psutil.Process(dev.process.pid).children(recursive=True)
    assert children
    runs = dev.runs()
    time.sleep(LOOK_SECONDS + 1)
    dev.process.send_signal(signal.SIGTERM)
    said, _ = dev.process.communicate()
    lines = said.splitlines()
    assert "Dagster UI" in lines[0]
    told = [line for line in lines[3:] if re.match(r"[-\d]{10} [:\d]{8}  ", line)]
    assert told == lines[3:]
    assert len(told) == len(runs)
    _, alive = psutil.wait_procs(children, timeout=PATIENCE_SECONDS)
    assert alive == []
