"""dbt inside a process of ours: what it says, and that it stops."""

import json
import signal
import subprocess
import sys
import time

import duckdb
import pytest

ENDLESS = """
{{ config(materialized='table') }}
SELECT sum(a.range + b.range) AS total FROM range(1000000) AS a, range(10000000000) AS b
"""
INVOKE = """
import sys
from adtech_assets.defs.dbt_runner import invoke
done = invoke(sys.argv[1:])
print(done.returncode, done.errors)
"""


@pytest.fixture
def project(tmp_path):
    """A dbt project of one model, which the test writes."""
    (tmp_path / "models").mkdir()
    target = {"type": "duckdb", "path": str(tmp_path / "warehouse.duckdb")}
    for name, content in {
        "dbt_project.yml": {"name": "small", "profile": "small"},
        "profiles.yml": {"small": {"target": "here", "outputs": {"here": target}}},
    }.items():
        (tmp_path / name).write_text(json.dumps(content))
    return tmp_path


def build(project, sql):
    (project / "models" / "total.sql").write_text(sql)
    return subprocess.Popen(
        [
            *(sys.executable, "-W", "ignore", "-c", INVOKE, "build"),
            *(f"--project-dir={project}", f"--profiles-dir={project}"),
            *(f"--target-path={project}/target", f"--log-path={project}"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_connection_is_closed_when_a_command_is_over(project):
    said, _ = build(project, "SELECT 42 AS total").communicate()

    assert said.split() == ["0"]
    with duckdb.connect(project / "warehouse.duckdb") as warehouse:
        assert warehouse.execute("FROM total").fetchall() == [(42,)]


def test_the_errors_of_a_command_are_told(project):
    said, _ = build(project, "SELECT nothing AS total").communicate()

    assert said.startswith("1 ")
    assert 'Referenced column "nothing" was not found' in said


def test_a_signal_stops_a_query_that_would_not_end(project):
    building = build(project, ENDLESS)
    log = project / "dbt.log"
    deadline = time.monotonic() + 120
    while not (log.exists() and "range(10000000000)" in log.read_text()):
        assert building.poll() is None, building.communicate()
        assert time.monotonic() < deadline, "dbt has not come to the query"
        time.sleep(0.05)

    building.send_signal(signal.SIGINT)

    _, errors = building.communicate(timeout=60)
    assert errors.strip().endswith("KeyboardInterrupt")
    with duckdb.connect(project / "warehouse.duckdb") as warehouse:
        assert warehouse.execute("SHOW TABLES").fetchall() == []
