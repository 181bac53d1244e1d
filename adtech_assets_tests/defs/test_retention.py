"""What is deleted once it is old, and what stays however old it is."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from pydantic import SecretStr

from adtech_assets.defs import retention as retention_module
from adtech_assets.defs.resources import build_resources
from adtech_assets.defs.retention import delete_runs, retention, shrink
from adtech_assets.environment import PROJECT_DIR
from adtech_assets.feed.ledger import Ledger
from adtech_assets.load import audited_load
from adtech_assets.load.audited_load import DayLoad
from adtech_assets.partitions import DayRange
from adtech_assets.stores import identity
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.feed.deliveries import DAY, FIRST, days, deliver, ingest, names_in
from adtech_assets_tests.sample_feed import PROJECT

DAYS = DayRange(DAY, DAY)


@dg.asset(partitions_def=dg.DailyPartitionsDefinition("2022-05-25"))
def anything(context) -> None:
    """Something that runs can materialize."""
    context.log.info("said by the run")


@contextmanager
def dagster_in(data_dir):
    """Dagster's storage below a data folder, as `dagster.yaml` has it."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ADTECH_DATA_DIR", str(data_dir))
        with dg.DagsterInstance.from_config(str(PROJECT_DIR)) as instance:
            yield instance


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """A storage with one run that has materialized something: to make one takes a second."""
    data_dir = tmp_path_factory.mktemp("history")
    with dagster_in(data_dir) as instance:
        dg.materialize([anything], partition_key=str(DAY), instance=instance)
        (run_id,) = instance.get_run_ids()
    (data_dir / "dagster" / "logs" / f"{run_id}.log").write_text("printed by the run")
    return data_dir / "dagster"


@pytest.fixture
def instance(settings, history):
    shutil.copytree(history, settings.dagster_dir)
    with dagster_in(settings.data_dir) as instance:
        yield instance


@pytest.fixture
def ended(settings):
    """Sets back when a run has ended."""

    def set_back(run_id, days_ago):
        ended_at = (datetime.now(UTC) - timedelta(days_ago)).replace(tzinfo=None)
        with sqlite3.connect(settings.dagster_dir / "history" / "runs.db") as runs:
            runs.execute(
                "UPDATE runs SET update_timestamp = ? WHERE run_id = ?", [str(ended_at), run_id]
            )

    return set_back


@pytest.fixture
def run_of(instance, ended):
    """Makes a run without events that ended some days ago; returns its id."""

    def make(days_ago, status=dg.DagsterRunStatus.SUCCESS):
        run = instance.add_run(dg.DagsterRun("daily_pipeline", status=status))
        ended(run.run_id, days_ago)
        return run.run_id

    return make


@pytest.fixture
def materialized(instance, ended):
    """A run of a thousand days ago that has materialized something; its id."""
    (run_id,) = instance.get_run_ids()
    ended(run_id, 1000)
    return run_id


def traces(settings, run_id):
    """Files below Dagster's folder that are named after a run, or lie in a folder that is."""
    return {name for name in names_in(settings.dagster_dir) if run_id in name}


def test_an_old_run_goes_with_its_events_and_logs(settings, instance, materialized):
    assert traces(settings, materialized)
    assert instance.all_logs(materialized)

    assert delete_runs(instance, settings, keep=set()) == 1

    assert traces(settings, materialized) == set()
    assert instance.all_logs(materialized) == []
    assert instance.get_run_ids() == []


def test_an_old_run_of_an_earlier_version_goes_with_its_file(settings, instance, materialized):
    file = settings.dagster_dir / "history" / "runs" / f"{materialized}.db"
    shutil.copy(file.with_name("index.db"), file)

    assert delete_runs(instance, settings, keep=set()) == 1

    assert traces(settings, materialized) == set()
    assert instance.all_logs(materialized) == []


def test_an_old_run_that_is_to_be_kept_stays(settings, instance, materialized):
    assert delete_runs(instance, settings, keep={materialized}) == 0

    assert instance.get_run_by_id(materialized) is not None
    assert instance.get_materialized_partitions(anything.key) == {str(DAY)}


def test_of_an_old_run_that_stays_is_left_what_it_built_and_how_it_went(
    settings, instance, materialized
):
    before = len(instance.all_logs(materialized))

    delete_runs(instance, settings, keep={materialized})

    left = [entry.dagster_event.event_type_value for entry in instance.all_logs(materialized)]
    assert left == ["PIPELINE_START", "ASSET_MATERIALIZATION", "PIPELINE_SUCCESS"]
    assert before > len(left)
    assert traces(settings, materialized) == set()


def test_the_room_of_old_runs_is_given_back(settings, instance, materialized, monkeypatch):
    monkeypatch.setattr(retention_module, "WORTH_BYTES", 1)
    database = settings.dagster_dir / "history" / "runs" / "index.db"
    with closing(sqlite3.connect(database)) as events:
        events.execute("CREATE TABLE filler AS SELECT randomblob(10000000) AS bytes")
        events.execute("DROP TABLE filler")
        events.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = database.stat().st_size

    shrink(settings)

    assert database.stat().st_size < before - 9_000_000
    assert instance.all_logs(materialized)


def test_runs_stay_as_long_as_is_set(settings, instance, run_of):
    runs = {days_ago: run_of(days_ago) for days_ago in (89, 90.5, 1000)}

    def left(after):
        changed = settings.model_copy(update={"run_history_days": after})
        delete_runs(instance, changed, keep=set())
        return {days_ago for days_ago, run in runs.items() if instance.get_run_by_id(run)}

    assert [left(after) for after in (0, 91, 90)] == [{89, 90.5, 1000}, {89, 90.5}, {89}]


def test_runs_that_have_not_ended_stay(settings, instance, run_of):
    statuses = ["SUCCESS", "FAILURE", "CANCELED", "STARTED", "STARTING", "CANCELING"]
    runs = {status: run_of(1000, dg.DagsterRunStatus(status)) for status in statuses}

    delete_runs(instance, settings, keep=set())

    left = {status for status, run_id in runs.items() if instance.get_run_by_id(run_id)}
    assert left == {"STARTED", "STARTING", "CANCELING"}


@pytest.fixture
def loaded(settings, target, materialized):
    """A day that an old run has loaded, with its file in the archive; the run's id."""
    deliver(settings, FIRST)
    with Warehouse.of(settings).connect() as warehouse:
        ingest(warehouse, settings)
        files = Ledger(warehouse).day_files(days())[DAY]
        whose = identity.of(warehouse)
        warehouse.execute("UPDATE raw.log_files SET loaded_at = loaded_at - INTERVAL 1000 DAY")
    archived = settings.archive_dir / "impressions" / str(DAY) / FIRST
    archived.parent.mkdir(parents=True)
    (settings.raw_data_dir / FIRST).rename(archived)
    audited_load.replace_days(
        target, [DayLoad(DAY, [], files)], warehouse=whose, user_agent="*", run_id=materialized
    )
    return materialized


def execute(settings, instance):
    result = retention.execute_in_process(
        instance=instance, resources=build_resources(settings, PROJECT), raise_on_error=False
    )
    return result.success


def test_the_run_that_loaded_a_day_stays_and_others_go(settings, instance, run_of, loaded):
    other = run_of(1000)

    assert execute(settings, instance)

    assert instance.get_run_by_id(loaded) is not None
    assert instance.get_run_by_id(other) is None


@pytest.mark.usefixtures("loaded")
def test_the_archive_stays_by_default(settings, instance):
    assert execute(settings, instance)

    assert names_in(settings.archive_dir) == {f"impressions/{DAY}/{FIRST}"}


@pytest.mark.usefixtures("loaded")
def test_the_archive_of_loaded_days_goes_on_request(settings, instance):
    assert execute(settings.model_copy(update={"archive_days": 400}), instance)

    assert names_in(settings.archive_dir) == set()


def test_nothing_goes_while_nobody_can_say_what_is_loaded(settings, instance, loaded, run_of):
    other = run_of(1000)
    url = "postgresql://nobody@127.0.0.1:1/nowhere"
    away = settings.model_copy(update={"archive_days": 1, "target_database_url": SecretStr(url)})

    assert not execute(away, instance)

    assert instance.get_run_by_id(loaded) is not None
    assert instance.get_run_by_id(other) is not None
    assert names_in(settings.archive_dir) == {f"impressions/{DAY}/{FIRST}"}
