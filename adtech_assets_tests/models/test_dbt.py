"""dbt inside a process of ours: what becomes of what it builds, and that it stops."""

import json
import os
import signal
import subprocess
import sys
import time

import duckdb
import pytest

from adtech_assets.errors import UserError
from adtech_assets.models import dbt
from adtech_assets_tests.other_projects import OTHER_DBT_PROJECT

ENDLESS = """
{{ config(materialized='table') }}
SELECT sum(a.range + b.range) AS total FROM range(1000000) AS a, range(10000000000) AS b
"""
BUILD = """
import sys
from pathlib import Path
from adtech_assets.models import dbt
folder = Path(sys.argv[1])
parsed = folder / "target" / "partial_parse.msgpack"
dbt.build(["model.small.total"], {}, project_dir=folder, parsed=parsed, target_path=folder)
"""


@pytest.fixture
def project(tmp_path):
    """A dbt project without a model, which the test writes."""
    (tmp_path / "models").mkdir()
    target = {"type": "duckdb", "path": str(tmp_path / "warehouse.duckdb")}
    for name, content in {
        "dbt_project.yml": {"name": "small", "profile": "small"},
        "profiles.yml": {"small": {"target": "here", "outputs": {"here": target}}},
    }.items():
        (tmp_path / name).write_text(json.dumps(content))
    return tmp_path


def write(project, models, *tests):
    """Models, with what is told and tested of them; the ids of all nodes."""
    for name, sql in models.items():
        (project / "models" / f"{name}.sql").write_text(sql)
    (project / "models" / "models.yml").write_text(json.dumps({"models": list(tests)}))
    parsed = dbt.invoke(["parse"], project_dir=project, target_path=project / "target")
    return list(parsed.nodes)


def build(project, *unique_ids):
    return dbt.build(
        unique_ids,
        {},
        project_dir=project,
        parsed=project / "target" / "partial_parse.msgpack",
        target_path=project,
    )


@pytest.mark.parametrize("of_another", [*OTHER_DBT_PROJECT, None])
def test_no_variable_of_another_dbt_project_changes_what_is_built(project, monkeypatch, of_another):
    names = OTHER_DBT_PROJECT if of_another is None else [of_another]
    for name in names:
        monkeypatch.setenv(name, OTHER_DBT_PROJECT[name])
    write(project, {"total": "{{ config(tags='daily') }} SELECT 1 AS n"})
    assert [result.status for result in build(project, "model.small.total")] == ["success"]
    with duckdb.connect(project / "warehouse.duckdb") as warehouse:
        assert warehouse.execute("SELECT n FROM total").fetchall() == [(1,)]
    assert {path.name for path in project.iterdir()} >= {"dbt.log", "target"}


def test_each_model_and_test_has_its_result(project):
    columns = [
        {"name": "id", "data_tests": ["unique", {"not_null": {"config": {"severity": "warn"}}}]}
    ]
    nodes = write(
        project,
        {
            "rows": "SELECT unnest([1, 2, 2, NULL]) AS id",
            "broken": "SELECT nothing",
            "behind": "SELECT * FROM {{ ref('broken') }}",
        },
        {"name": "rows", "columns": columns},
    )

    results = build(project, *nodes)

    found = {result.unique_id.split(".")[2]: result for result in results}
    assert {name: (result.status, result.failures) for name, result in found.items()} == {
        "rows": ("success", None),
        "unique_rows_id": ("fail", 1),
        "not_null_rows_id": ("warn", 1),
        "broken": ("error", None),
        "behind": ("skipped", None),
    }
    assert "in model broken" in found["broken"].message
    assert 'Referenced column "nothing" was not found' in found["broken"].message
    assert "\n" not in found["broken"].message


def test_only_what_is_asked_for_is_built(project):
    write(project, {"one": "SELECT 1 AS n", "two": "SELECT * FROM {{ ref('one') }}"})

    (result,) = build(project, "model.small.one")

    assert result.unique_id == "model.small.one"


def test_the_connection_is_closed_when_it_is_over(project):
    write(project, {"total": "SELECT 42 AS total"})

    build(project, "model.small.total")

    with duckdb.connect(project / "warehouse.duckdb", config={"threads": 1}) as warehouse:
        assert warehouse.execute("FROM total").fetchall() == [(42,)]


def test_a_build_that_cannot_begin_says_why(project):
    write(project, {"total": "SELECT 42 AS total"})
    (project / "profiles.yml").write_text('{"other": {}}')

    with pytest.raises(UserError, match="dbt: Runtime Error Could not find profile named 'small'"):
        build(project, "model.small.total")


def test_a_project_that_cannot_be_parsed_says_why(project):
    with pytest.raises(UserError, match="depends on a node named 'nobody' which was not found"):
        write(project, {"total": "SELECT * FROM {{ ref('nobody') }}"})


@pytest.fixture
def building(project):
    """A build of a query that would not end, in a process of its own."""
    write(project, {"total": ENDLESS})
    command = [sys.executable, "-W", "ignore", "-c", BUILD, project]
    started = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ)
    yield started
    started.kill()


def test_an_interrupt_stops_a_query_that_would_not_end(project, building):
    deadline = time.monotonic() + 120
    while not list((project / "run").rglob("total.sql")):
        assert building.poll() is None, building.communicate()
        assert time.monotonic() < deadline, "dbt has not come to the query"
        time.sleep(0.05)
    time.sleep(1)  # what dbt has written, it runs at once

    building.send_signal(signal.SIGINT)

    _, errors = building.communicate(timeout=60)
    assert errors.strip().endswith("KeyboardInterrupt")
    with duckdb.connect(project / "warehouse.duckdb") as warehouse:
        assert warehouse.execute("SHOW TABLES").fetchall() == []
