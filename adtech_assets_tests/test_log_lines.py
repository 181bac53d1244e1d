"""Logs as text, or as JSON with run and day."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys

import pytest

from adtech_assets import log_lines
from adtech_assets.environment import PROJECT_DIR

RUN = """
import dagster as dg
from adtech_assets import definitions
from adtech_assets.defs.days import range_tags
from adtech_assets.partitions import DayRange
@dg.asset(required_resource_keys={"settings"})
def counted(context):
    context.log.info("3 files")
    import logging
    logging.getLogger("adtech_assets.stores").info("waiting")
    raise ValueError("broken")
defs = dg.Definitions(
    assets=[counted],
    resources={"settings": definitions.defs.resources["settings"]},
    jobs=[dg.define_asset_job("job", dg.AssetSelection.all())],
    executor=dg.in_process_executor,
)
with dg.DagsterInstance.ephemeral() as instance:
    defs.resolve_job_def("job").execute_in_process(
        instance=instance,
        run_id="11111111-2222-3333-4444-555555555555",
        tags=range_tags(DayRange.parse("2022-05-26", "2022-05-28")),
        raise_on_error=False,
    )
"""


@pytest.fixture
def log_format(monkeypatch):
    """Sets it, for this process, which executes no run."""
    monkeypatch.setattr(log_lines, "_run", {})

    def choose(name):
        monkeypatch.setenv("ADTECH_LOG_FORMAT", name)
        log_lines.is_json.cache_clear()

    yield choose
    log_lines.is_json.cache_clear()


def line(message, **options):
    record = logging.makeLogRecord(
        {
            "name": "adtech_assets.stores",
            "msg": message,
            "levelname": "INFO",
            **options,
        }
    )
    return log_lines.handler().format(record)


def test_text_is_the_message(log_format):
    log_format("text")
    assert line("waiting\nfor it") == "waiting\nfor it"


def test_json_is_one_line_with_all_that_is_known(log_format):
    log_format("json")
    written = line("waiting\nfor ö", created=0.0)
    assert "\n" not in written
    assert json.loads(written) == {
        "time": "1970-01-01T00:00:00.000+00:00",
        "level": "info",
        "logger": "adtech_assets.stores",
        "message": "waiting\nfor ö",
    }


def test_a_run_logs_json_with_its_id_its_days_and_its_step(tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RUN],
        cwd=PROJECT_DIR,
        env=os.environ | {"ADTECH_LOG_FORMAT": "json", "ADTECH_DATA_DIR": str(tmp_path / "data")},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [json.loads(each) for each in done.stderr.splitlines()]
    said = {each["message"]: each for each in lines}
    for message in ("3 files", "waiting"):
        assert said[message]["run"] == "11111111-2222-3333-4444-555555555555"
        assert said[message]["day"] == "2022-05-26..2022-05-28"
    assert said["3 files"]["step"] == "counted"
    assert any("ValueError: broken" in each.get("error", "") + each["message"] for each in lines)


def test_a_command_logs_json_too():
    program = "from adtech_assets import log_lines; import logging; log_lines.show_own(); "
    program += "logging.getLogger('adtech_assets.x').info('waiting')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=PROJECT_DIR,
        env=os.environ | {"ADTECH_LOG_FORMAT": "json"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stderr)["message"] == "waiting"
