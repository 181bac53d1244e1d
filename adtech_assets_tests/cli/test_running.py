"""A run in the process of the command: what it hears, and what it tells."""

from __future__ import annotations

import io

import dagster as dg
import pytest
from dagster._core.workspace.load import location_origins_from_yaml_paths
from rich.console import Console

from adtech_assets.cli import running
from adtech_assets.definitions import CODE_LOCATION
from adtech_assets.defs import told
from adtech_assets.defs.event_log import EventLog
from adtech_assets.environment import PROJECT_DIR
from adtech_assets.errors import UserError
from adtech_assets.partitions import DayRange
from adtech_assets.settings import load_settings
from adtech_assets_tests.defs import days_graph

DAYS = DayRange.parse("2022-05-26", "2022-05-29")


@pytest.fixture
def screens(monkeypatch):
    """What is printed: on the screen, and of what went wrong."""
    shown = Console(file=io.StringIO(), width=200), Console(file=io.StringIO(), width=200)
    monkeypatch.setattr(running, "screen", shown[0])
    monkeypatch.setattr(running, "errors", shown[1])
    return [console.file for console in shown]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a small graph as `adtech backfill` runs the pipeline."""
    monkeypatch.setenv("DAGSTER_HOME", str(PROJECT_DIR))
    monkeypatch.setenv("ADTECH_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(running, "defs", days_graph.defs)
    return lambda **options: running.run_days(load_settings(), DAYS, **options)


@pytest.fixture
def reads(monkeypatch):
    """Queries for the events of a run."""
    found = []
    original = EventLog.get_records_for_run

    def read(self, run_id, *arguments, **named):
        found.append(run_id)
        return original(self, run_id, *arguments, **named)

    monkeypatch.setattr(EventLog, "get_records_for_run", read)
    return found


def test_the_events_of_a_run_are_not_read_again(run, screens, reads):
    run()

    assert "4/4" in screens[0].getvalue()
    assert "mind the second" in screens[1].getvalue()
    assert reads == []


@pytest.mark.usefixtures("screens")
def test_a_run_is_one_of_the_job_that_the_ui_lists(run):
    run()
    run(select="first")

    job = days_graph.defs.resolve_job_def(days_graph.JOB)
    with dg.DagsterInstance.get() as instance:
        part, whole = instance.get_runs()
    for known in (part, whole):
        origin = known.remote_job_origin
        assert origin.job_name == job.name
        assert origin.repository_origin.get_label() == "__repository__@adtech_assets"
    assert whole.job_snapshot_id == job.get_job_snapshot_id()
    assert part.asset_selection == {dg.AssetKey("first")}


@pytest.mark.parametrize("workspace", ["workspace.yaml", "deploy/workspace.yaml"])
def test_that_code_location_is_the_workspaces(workspace):
    (location,) = location_origins_from_yaml_paths([str(PROJECT_DIR / workspace)])

    assert location.location_name == CODE_LOCATION


def test_the_progress_counts_the_steps_of_a_part_of_the_graph(run, screens):
    run(select="first")

    assert "1/1" in screens[0].getvalue()


def test_a_failed_step_is_told_with_its_reason(run, screens, monkeypatch):
    def fail(_):
        raise UserError("Nothing to be had. Ask for more.")

    monkeypatch.setattr(days_graph, "meanwhile", fail)

    with pytest.raises(UserError, match=r"second: Nothing to be had\. Ask for more\.$"):
        run()

    assert "mind the second" in screens[1].getvalue()


def test_a_check_that_fails_is_told(run, screens, monkeypatch):
    wrong = {**running.range_tags(DAYS), "wrong": ""}
    monkeypatch.setattr(running, "range_tags", lambda _: wrong)

    with pytest.raises(UserError, match="second: is wrong"):
        run()

    assert "4/4" in screens[0].getvalue()


@pytest.mark.usefixtures("screens")
def test_what_is_heard_is_what_the_log_tells(run, monkeypatch):
    heard, read = told.Told(), told.Told()
    monkeypatch.setattr(running, "Told", lambda: heard)
    monkeypatch.setattr(days_graph, "meanwhile", lambda _: 1 / 0)

    with pytest.raises(UserError):
        run()

    with dg.DagsterInstance.get() as instance:
        (run_id,) = instance.get_run_ids()
        for entry in instance.all_logs(run_id):
            read.hear(entry)
    assert heard == read
    assert read.warnings == ["mind the second"]
    assert len(read.failures) == 1
