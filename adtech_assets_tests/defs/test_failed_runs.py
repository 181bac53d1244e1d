"""Which failed runs need a person, and what makes them good."""

import dagster as dg
import pytest

from adtech_assets.defs.days import DELIVERY_TAG, range_tags
from adtech_assets.defs.failed_runs import ASKED_AGAIN_SECONDS, failed_runs
from adtech_assets.errors import UserError
from adtech_assets.partitions import DayRange

UI = "http://ui"
SCHEDULE = {"dagster/schedule_name": "daily_pipeline_schedule"}


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@dg.asset
def load(context: dg.AssetExecutionContext) -> None:
    if "broken" in context.run.tags:
        raise UserError("The disk is full. Make room.")


@dg.asset(deps=[load])
def report() -> None: ...


@dg.asset_check(asset=load, blocking=True)
def is_right(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed="wrong" not in context.run.tags, description="2 rows that differ"
    )


DEFS = dg.Definitions(
    assets=[load, report],
    asset_checks=[is_right],
    jobs=[
        dg.define_asset_job(name, dg.AssetSelection.all())
        for name in ("daily_pipeline", "freshness", "retention")
    ],
    executor=dg.in_process_executor,
)


@pytest.fixture
def run(instance):
    """Runs a job; returns the id of the run."""

    def execute(days=None, job="daily_pipeline", select=None, **tags):
        done = DEFS.resolve_job_def(job).execute_in_process(
            instance=instance,
            tags=(range_tags(DayRange.parse(*days)) if days else {})
            | {key.replace("_DELIVERY", DELIVERY_TAG): str(value) for key, value in tags.items()},
            asset_selection=[dg.AssetKey(select)] if select else None,
            raise_on_error=False,
        )
        return done.run_id

    return execute


@pytest.fixture
def told(instance):
    """What is told of runs: line, link, and for how long it may pass."""

    def tell(*checks):
        return [
            (alert.condition.told, alert.link, alert.patience)
            for alert in failed_runs(instance, UI, checks)
        ]

    return tell


MAY = ("2022-05-26", "2022-05-28")


def test_a_failed_run_is_told_in_the_line_of_the_command_with_its_link(run, told):
    run_id = run(MAY, broken=True)
    line = "The run for 2022-05-26..2022-05-28 failed. load: The disk is full. Make room."
    assert told() == [(line, f"{UI}/runs/{run_id}", 0.0)]


def test_tried_again_and_failed_again_it_is_the_same(run, told):
    run(MAY, broken=True)
    run_id = run(MAY, broken=True)
    assert [link for _, link, _ in told()] == [f"{UI}/runs/{run_id}"]


def test_a_run_of_its_days_makes_it_good(run, told):
    run(MAY, broken=True)
    run(MAY)
    assert told() == []


def test_runs_of_parts_of_its_days_make_it_good_together(run, told):
    run(MAY, broken=True)
    run(("2022-05-26", "2022-05-26"))
    assert told()
    run(("2022-05-27", "2022-05-29"))
    assert told() == []


def test_a_run_of_less_makes_nothing_good(run, told):
    run(MAY, broken=True)
    run(MAY, select="report")
    assert told()


def test_a_run_of_some_assets_is_made_good_by_one_of_all(run, told):
    run(MAY, select="load", broken=True)
    run(MAY)
    assert told() == []


def test_the_next_run_of_a_schedule_makes_its_failure_good(run, told):
    run(MAY, broken=True, **SCHEDULE)
    run(("2022-05-27", "2022-05-29"), **SCHEDULE)
    assert told() == []


def test_what_the_sensor_asks_again_for_may_pass_by_itself(run, told):
    run(MAY, broken=True, _DELIVERY="key")
    assert [patience for _, _, patience in told()] == [ASKED_AGAIN_SECONDS]


def test_a_job_that_comes_again_at_night_has_a_night(run, told):
    run(job="retention", broken=True)
    [(line, _, patience)] = told()
    assert line.startswith("The run of retention failed.")
    assert patience > 86400


def test_the_question_that_the_alerts_ask_themselves_is_not_told(run, told):
    run(job="freshness", broken=True)
    assert told() == []


def test_a_check_that_is_told_by_itself_is_not_told_as_a_run_too(run, told):
    run(MAY, wrong=True)
    assert [line for line, _, _ in told()] == [
        "The run for 2022-05-26..2022-05-28 failed. load: 2 rows that differ"
    ]
    assert told("load: 2 rows that differ") == []


def test_a_run_whose_process_is_gone_says_so(instance, told):
    run = instance.create_run_for_job(DEFS.resolve_job_def("daily_pipeline"))
    instance.report_run_failed(run, "The run's process is gone (killed, or the machine).")
    [(line, _, _)] = told()
    assert line.endswith("failed. The run's process is gone (killed, or the machine).")


def test_a_run_that_a_person_has_stopped_needs_none(instance, told):
    run = instance.create_run_for_job(DEFS.resolve_job_def("daily_pipeline"))
    instance.report_run_canceled(run)
    assert told() == []
