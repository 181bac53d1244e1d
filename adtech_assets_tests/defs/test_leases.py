"""A run whose process is gone is found, whatever it was about, and no other is."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import dagster as dg
import pytest

from adtech_assets.definitions import defs
from adtech_assets.defs import leases
from adtech_assets.environment import PROJECT_DIR
from adtech_assets_tests.hostile.forks import environment

JOBS = list(defs.get_repository_def().get_all_jobs())

IN_A_PROCESS = """
import sys, time
from importlib import import_module
import dagster as dg
job, select, function = sys.argv[1:]
def wait(*_, **__):
    print("in the step", flush=True)
    time.sleep(600)
module, _, name = function.partition(":")
setattr(import_module(module), name, wait)
from adtech_assets.definitions import defs
with dg.DagsterInstance.get() as instance:
    defs.resolve_job_def(job).execute_in_process(
        instance=instance, asset_selection=[dg.AssetKey(select)] if select else None
    )
"""


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def run_in_progress(instance):
    """Makes a run that has started, some seconds ago."""

    def make(seconds_ago=0.0):
        run = instance.create_run_for_job(JOB)
        with pytest.MonkeyPatch.context() as clock:
            now = time.time()
            clock.setattr(time, "time", lambda: now - seconds_ago)
            instance.report_dagster_event(dg.DagsterEvent("PIPELINE_START", JOB.name), run.run_id)
        return run.run_id

    return make


@dg.op
def nothing():
    """Nothing."""


@dg.job
def job():
    nothing()


JOB = job


def status(instance, run_id):
    return instance.get_run_by_id(run_id).status


@pytest.mark.parametrize("job", JOBS, ids=[job.name for job in JOBS])
def test_every_step_of_every_job_asks_for_the_settings_and_so_for_a_lease(job):
    without = [
        node.name for node in job.nodes if "settings" not in node.definition.required_resource_keys
    ]
    assert without == []


@pytest.mark.parametrize(
    ("job", "select", "function"),
    [
        ("freshness", "", "adtech_assets.defs.checks:read_status"),
        ("retention", "", "adtech_assets.defs.retention:loadable_days"),
        ("daily_pipeline", "kpi_report", "adtech_assets.defs.assets.report:latest_evaluations"),
    ],
)
def test_a_killed_run_is_marked_as_failed_whichever_job_it_is_of(
    settings, job, select, function, monkeypatch
):
    variables = environment(settings) | {"DAGSTER_HOME": str(PROJECT_DIR)}
    process = subprocess.Popen(
        [sys.executable, "-c", IN_A_PROCESS, job, select, function],
        env=os.environ | variables,
        cwd=PROJECT_DIR,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    for line in process.stdout:
        if line.strip() == "in the step":
            break
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.get() as instance:
        (run_id,) = instance.get_run_ids()
        assert leases.fail_lost_runs(instance, settings) == []
        process.kill()
        process.communicate()

        assert leases.fail_lost_runs(instance, settings) == [run_id]

        assert status(instance, run_id) == dg.DagsterRunStatus.FAILURE
        assert leases.fail_lost_runs(instance, settings) == []
    assert list((settings.dagster_dir / "running").iterdir()) == []


def test_a_run_of_this_process_is_not_lost_however_long_it_takes(
    settings, instance, run_in_progress
):
    run_id = run_in_progress(seconds_ago=3600)
    leases.take(settings, run_id)
    assert leases.fail_lost_runs(instance, settings) == []


def test_a_run_that_died_between_its_lease_and_its_start_is_lost(settings, instance):
    run = instance.create_run_for_job(JOB)
    assert leases.fail_lost_runs(instance, settings) == []
    folder = settings.dagster_dir / "running"
    folder.mkdir(parents=True)
    (folder / f"{run.run_id}.lock").touch()
    assert leases.fail_lost_runs(instance, settings) == [run.run_id]
    assert status(instance, run.run_id) == dg.DagsterRunStatus.FAILURE


def test_a_run_that_died_before_it_took_a_lease_is_lost(settings, instance, run_in_progress):
    young, old = run_in_progress(), run_in_progress(seconds_ago=60)
    assert leases.fail_lost_runs(instance, settings) == [old]
    assert status(instance, young) == dg.DagsterRunStatus.STARTED
