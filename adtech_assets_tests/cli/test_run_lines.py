"""The lines in the terminal of `adtech dev`: one for each run that has ended."""

from __future__ import annotations

import re

import dagster as dg
import pytest

from adtech_assets.cli.run_lines import Ended
from adtech_assets.defs.days import range_tags
from adtech_assets.errors import UserError
from adtech_assets.partitions import DayRange
from adtech_assets_tests.defs import days_graph

DAYS = DayRange.parse("2022-05-26", "2022-05-29")


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


def run(instance):
    days_graph.defs.resolve_job_def(days_graph.JOB).execute_in_process(
        instance=instance, tags=range_tags(DAYS), raise_on_error=False
    )


def test_a_run_is_told_once_when_it_has_ended(instance):
    ended = Ended(instance)
    assert list(ended.lines()) == []
    run(instance)

    (line,) = ended.lines()

    assert re.fullmatch(
        r"[-\d]{10} [:\d]{8}  daily_pipeline 2022-05-26\.\.2022-05-29 "
        r"\[green\]succeeded\[/\] after \d+ s",
        line,
    )
    assert list(ended.lines()) == []


def test_a_failed_run_is_told_with_its_first_reason(instance, monkeypatch):
    def fail(_):
        raise UserError("Nothing to be had. Ask for more.")

    monkeypatch.setattr(days_graph, "meanwhile", fail)
    ended = Ended(instance)
    run(instance)

    (line,) = ended.lines()

    assert "failed" in line
    assert line.endswith("second: Nothing to be had. Ask for more.")


def test_runs_of_before_are_not_told(instance):
    run(instance)

    assert list(Ended(instance).lines()) == []
