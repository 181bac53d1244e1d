"""Dagster's own state: each event once, readable as it was, and what the UI makes of it."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any

import dagster as dg
import pytest
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster_graphql.test.utils import execute_dagster_graphql

from adtech_assets.environment import PROJECT_DIR
from adtech_assets_tests.defs import days_graph
from adtech_assets_tests.end_to_end.dev import wait_until

if TYPE_CHECKING:
    from pathlib import Path

FIRST, SECOND = days_graph.first.key, days_graph.second.key
PLANNED = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
MATERIALIZED = dg.DagsterEventType.ASSET_MATERIALIZATION


@pytest.fixture
def data_dir(tmp_path, monkeypatch) -> Path:
    """Where `dagster.yaml` finds its state."""
    folder: Path = tmp_path / "data"
    monkeypatch.setenv("ADTECH_DATA_DIR", str(folder))
    return folder


def opened() -> dg.DagsterInstance:
    """Dagster's instance as every process opens it."""
    return dg.DagsterInstance.from_config(str(PROJECT_DIR))


@pytest.fixture
def instance(data_dir):  # noqa: ARG001 - must come first
    with opened() as instance:
        yield instance


class Heard(list[dg.EventLogEntry]):
    """All events of a run, in the process where they arise."""

    def count(self, kind: dg.DagsterEventType) -> int:  # type: ignore[override]
        return sum(entry.dagster_event_type == kind for entry in self)


def run(
    instance: dg.DagsterInstance, first: str, last: str, succeeds: bool = True, **tags: str
) -> tuple[str, Heard]:
    """Materialize the graph for days; the run's id, and what was heard of it."""
    run_id, heard = dg._core.utils.make_new_run_id(), Heard()
    instance.add_event_listener(run_id, heard.append)
    done = days_graph.defs.resolve_job_def(days_graph.JOB).execute_in_process(
        run_id=run_id,
        instance=instance,
        tags={
            "dagster/asset_partition_range_start": first,
            "dagster/asset_partition_range_end": last,
            **tags,
        },
        raise_on_error=False,
    )
    assert done.success == succeeds
    return run_id, heard


def stored_rows(data_dir: Path) -> Counter[str]:
    """Rows of events by kind, in all databases of Dagster's."""
    rows: Counter[str] = Counter()
    for path in data_dir.rglob("*.db"):
        with closing(sqlite3.connect(path)) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            if "event_logs" in tables:
                for (kind,) in connection.execute("SELECT dagster_event_type FROM event_logs"):
                    rows[kind] += 1
    return rows


@pytest.fixture
def fails(monkeypatch):
    """Lets the asset `second` fail."""

    def fail(_):
        raise RuntimeError("no luck")

    return lambda: monkeypatch.setattr(days_graph, "meanwhile", fail)


# ---- what is written -----------------------------------------------------------------------------


def test_each_event_is_written_once(instance, data_dir):
    _, heard = run(instance, "2022-05-26", "2022-05-29")

    assert stored_rows(data_dir) == Counter(
        entry.dagster_event_type and entry.dagster_event_type.value for entry in heard
    )


def test_a_range_of_days_plans_each_asset_once(instance, data_dir):
    run(instance, "2022-05-26", "2022-06-08")

    rows = stored_rows(data_dir)
    assert rows[PLANNED.value] == 3
    assert rows[MATERIALIZED.value] == 2 * 14 + 1


def test_a_run_has_no_file_of_its_own(instance, data_dir):
    run_id, _ = run(instance, "2022-05-26", "2022-05-26")

    assert {path.name for path in data_dir.rglob("*.db")} == {"index.db", "runs.db", "schedules.db"}
    assert len(instance.all_logs(run_id)) > 10


def test_what_is_read_back_is_what_was_told(instance):
    run_id, heard = run(instance, "2022-05-26", "2022-05-27")

    def told(entry: dg.EventLogEntry) -> tuple[object, ...]:
        event = entry.dagster_event
        return (
            entry.message,
            entry.level,
            entry.timestamp,
            entry.step_key,
            event and (event.event_type, event.node_handle, event.step_handle, event.partition),
        )

    assert [told(entry) for entry in instance.all_logs(run_id)] == [told(entry) for entry in heard]


def test_a_run_that_is_deleted_takes_its_events_along(instance, data_dir):
    kept, _ = run(instance, "2022-05-26", "2022-05-26")
    before = stored_rows(data_dir)
    gone, _ = run(instance, "2022-05-27", "2022-05-27")

    instance.delete_run(gone)

    assert stored_rows(data_dir) == before
    assert instance.get_materialized_partitions(SECOND) == {"2022-05-26"}
    assert instance.all_logs(kept)


def test_a_wiped_asset_is_as_if_never_built_and_the_run_still_tells_of_it(instance):
    run_id, _ = run(instance, "2022-05-26", "2022-05-27")
    before = len(instance.all_logs(run_id))

    instance.wipe_assets([SECOND])

    assert instance.get_materialized_partitions(SECOND) == set()
    assert instance.get_latest_materialization_event(SECOND) is None
    assert len(instance.all_logs(run_id)) == before


def test_a_database_that_a_killed_process_has_begun_is_finished(data_dir):
    folder = data_dir / "dagster" / "history" / "runs"
    folder.mkdir(parents=True)
    (folder / "index.db").touch()

    with opened() as instance:
        run(instance, "2022-05-26", "2022-05-26")
        assert instance.get_materialized_partitions(SECOND) == {"2022-05-26"}


def test_dagsters_own_migration_has_nothing_to_do(instance):
    run_id, heard = run(instance, "2022-05-26", "2022-05-27")

    instance.upgrade()
    instance.reindex(print_fn=lambda _: None)

    assert len(instance.all_logs(run_id)) == len(heard)
    assert instance.get_materialized_partitions(SECOND) == {"2022-05-26", "2022-05-27"}


# ---- how it is read ------------------------------------------------------------------------------


def test_whoever_watches_a_run_hears_all_of_it_while_it_goes_on(instance, monkeypatch):
    seen: list[dg.EventLogEntry] = []

    with opened() as other:

        def watch_another(context: dg.AssetExecutionContext) -> None:
            other.watch_event_logs(context.run_id, None, lambda entry, _: seen.append(entry))
            wait_until(lambda: seen, seconds=20)

        monkeypatch.setattr(days_graph, "meanwhile", watch_another)
        _, heard = run(instance, "2022-05-26", "2022-05-26")

        wait_until(lambda: len(seen) == len(heard), seconds=20)
        assert [entry.message for entry in seen] == [entry.message for entry in heard]


def test_sensors_read_materializations_by_cursor(instance):
    run(instance, "2022-05-26", "2022-05-28")
    page = instance.fetch_materializations(SECOND, limit=2, ascending=True)
    rest = instance.fetch_materializations(SECOND, limit=9, cursor=page.cursor, ascending=True)
    run(instance, "2022-05-29", "2022-05-29")
    new = instance.fetch_materializations(SECOND, limit=9, cursor=rest.cursor, ascending=True)

    assert [[record.partition_key for record in found.records] for found in (page, rest, new)] == [
        ["2022-05-26", "2022-05-27"],
        ["2022-05-28"],
        ["2022-05-29"],
    ]


def test_sensors_read_how_runs_ended_by_cursor(instance, fails):
    first, _ = run(instance, "2022-05-26", "2022-05-26")
    ended = instance.fetch_run_status_changes(dg.DagsterEventType.RUN_SUCCESS, limit=9)
    second, _ = run(instance, "2022-05-27", "2022-05-27")
    fails()
    third, _ = run(instance, "2022-05-28", "2022-05-28", succeeds=False)

    def ids(kind: dg.DagsterEventType, cursor: str | None = None) -> list[str]:
        found = instance.fetch_run_status_changes(kind, 9, cursor, ascending=True)
        return [record.event_log_entry.run_id for record in found.records]

    assert ids(dg.DagsterEventType.RUN_SUCCESS) == [first, second]
    assert ids(dg.DagsterEventType.RUN_SUCCESS, ended.cursor) == [second]
    assert ids(dg.DagsterEventType.RUN_FAILURE) == [third]


@pytest.mark.filterwarnings("ignore")
def test_events_of_any_kind_are_found_across_runs(instance):
    runs = {run(instance, day, day)[0] for day in ("2022-05-26", "2022-05-27")}

    records = instance.get_event_records(dg.EventRecordsFilter(dg.DagsterEventType.STEP_START))

    assert len(records) == 2 * 4  # three assets and a check
    assert {record.run_id for record in records} == runs


def test_a_runs_statistics_are_of_that_run(instance):
    run_id, _ = run(instance, "2022-05-26", "2022-05-28")
    run(instance, "2022-05-26", "2022-05-28")

    statistics = instance.get_run_stats(run_id)

    assert (statistics.steps_succeeded, statistics.materializations) == (4, 7)
    assert {step.step_key for step in instance.get_run_step_stats(run_id)} == {
        *("first", "second", "whole", "second_is_right"),
    }


# ---- checks --------------------------------------------------------------------------------------


def test_a_check_of_a_range_is_planned_once_and_answered_once(instance, monkeypatch):
    storage = instance.event_log_storage
    check = days_graph.is_right.check_key
    seen = []

    def history() -> list[AssetCheckExecutionRecordStatus]:
        found = storage.get_asset_check_execution_history(check, limit=99)
        return [record.status for record in found]

    monkeypatch.setattr(days_graph, "meanwhile", lambda _: seen.extend(history()))
    run(instance, "2022-05-26", "2022-06-08")

    assert seen == [AssetCheckExecutionRecordStatus.PLANNED]
    assert history() == [AssetCheckExecutionRecordStatus.SUCCEEDED]


# ---- which days are built, failed or in progress, as the UI asks for them ------------------------


class Ui:
    """Asks as the UI does, through an instance of its own."""

    def __init__(self, context: WorkspaceProcessContext) -> None:
        self._context = context

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        answer = execute_dagster_graphql(
            self._context.create_request_context(), query, variables=variables
        )
        return dict(answer.data)

    def days(self, key: dg.AssetKey) -> dict[str, str]:
        """Status of each range of days of an asset, as first to last day."""
        query = """
        query ($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
            assetPartitionStatuses { ... on TimePartitionStatuses {
                ranges { startKey endKey status }
            } }
        } } }
        """
        node = self.ask(query, key=key.to_graphql_input())["assetNodeOrError"]
        return {
            f"{found['startKey']} to {found['endKey']}": found["status"]
            for found in node["assetPartitionStatuses"]["ranges"]
        }

    def run_of(self, key: dg.AssetKey, day: str) -> str | None:
        """The latest run that built, or was to build, a day."""
        query = """
        query ($key: AssetKeyInput!, $day: String!) { assetNodeOrError(assetKey: $key) {
            ... on AssetNode { latestRunForPartition(partition: $day) { runId } }
        } }
        """
        node = self.ask(query, key=key.to_graphql_input(), day=day)["assetNodeOrError"]
        found = node["latestRunForPartition"]
        return found and str(found["runId"])


IN_THIS_PROCESS = InProcessWorkspaceLoadTarget(
    InProcessCodeLocationOrigin(
        LoadableTargetOrigin(python_file=days_graph.__file__, executable_path=sys.executable)
    )
)


@pytest.fixture
def ui(instance):  # noqa: ARG001 - must come first
    with (
        opened() as other,
        WorkspaceProcessContext(other, IN_THIS_PROCESS) as context,
    ):
        yield Ui(context)


def test_the_ui_shows_the_days_of_a_range_that_are_built_or_in_progress(instance, ui, monkeypatch):
    run(instance, "2022-05-26", "2022-05-27")
    seen = {}

    def look(context: dg.AssetExecutionContext) -> None:
        seen.update({key: ui.days(key) for key in (FIRST, SECOND)})
        assert ui.run_of(SECOND, "2022-05-28") == context.run_id
        assert ui.run_of(SECOND, "2022-05-26") != context.run_id

    monkeypatch.setattr(days_graph, "meanwhile", look)
    run(instance, "2022-05-27", "2022-05-31")

    assert seen == {
        FIRST: {"2022-05-26 to 2022-05-31": "MATERIALIZED"},
        SECOND: {
            "2022-05-26 to 2022-05-26": "MATERIALIZED",
            "2022-05-27 to 2022-05-31": "MATERIALIZING",
        },
    }
    for key in (FIRST, SECOND):
        assert ui.days(key) == {"2022-05-26 to 2022-05-31": "MATERIALIZED"}


def test_the_ui_shows_the_days_whose_run_failed_until_they_are_built(
    instance, ui, fails, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr(days_graph, "meanwhile", lambda _: 1 / 0)
        failed, _ = run(instance, "2022-05-26", "2022-05-30", succeeds=False)

    assert ui.days(FIRST) == {"2022-05-26 to 2022-05-30": "MATERIALIZED"}
    assert ui.days(SECOND) == {"2022-05-26 to 2022-05-30": "FAILED"}
    assert ui.run_of(SECOND, "2022-05-30") == failed
    assert ui.run_of(SECOND, "2022-05-31") is None

    again, _ = run(instance, "2022-05-28", "2022-06-01")

    assert ui.days(SECOND) == {
        "2022-05-26 to 2022-05-27": "FAILED",
        "2022-05-28 to 2022-06-01": "MATERIALIZED",
    }
    assert ui.run_of(SECOND, "2022-05-27") == failed
    assert ui.run_of(SECOND, "2022-05-28") == again

    fails()
    run(instance, "2022-06-01", "2022-06-01", succeeds=False)

    assert ui.days(SECOND) == {
        "2022-05-26 to 2022-05-27": "FAILED",
        "2022-05-28 to 2022-05-31": "MATERIALIZED",
        "2022-06-01 to 2022-06-01": "FAILED",
    }


def test_the_days_of_a_run_whose_process_was_lost_are_shown_as_failed(instance, ui):
    lost = instance.create_run_for_job(
        days_graph.defs.resolve_job_def(days_graph.JOB),
        tags={
            "dagster/asset_partition_range_start": "2022-05-26",
            "dagster/asset_partition_range_end": "2022-05-27",
        },
    )
    instance.report_dagster_event(
        dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, days_graph.JOB), lost.run_id
    )
    assert ui.days(SECOND) == {"2022-05-26 to 2022-05-27": "MATERIALIZING"}

    instance.report_run_failed(lost)

    assert ui.days(SECOND) == {"2022-05-26 to 2022-05-27": "FAILED"}


def test_a_wiped_asset_has_no_days_and_those_built_after_it_are_shown(instance, ui):
    run(instance, "2022-05-26", "2022-05-28")

    instance.wipe_assets([SECOND])
    assert ui.days(SECOND) == {}

    run(instance, "2022-05-28", "2022-05-28")
    assert ui.days(SECOND) == {"2022-05-28 to 2022-05-28": "MATERIALIZED"}


def test_the_ui_calls_a_day_stale_whose_input_was_built_after_it(instance, ui):
    run(instance, "2022-05-26", "2022-05-27")
    query = """
    query ($key: AssetKeyInput!, $days: [String!]) { assetNodeOrError(assetKey: $key) {
        ... on AssetNode { staleStatusByPartition(partitions: $days) }
    } }
    """

    def status() -> list[str]:
        days = ["2022-05-26", "2022-05-27", "2022-05-28"]
        node = ui.ask(query, key=SECOND.to_graphql_input(), days=days)["assetNodeOrError"]
        return list(node["staleStatusByPartition"])

    assert status() == ["FRESH", "FRESH", "MISSING"]

    days_graph.defs.resolve_job_def(days_graph.JOB).execute_in_process(
        instance=instance, asset_selection=[FIRST], partition_key="2022-05-27"
    )

    assert status() == ["FRESH", "STALE", "MISSING"]


# ---- the state of an earlier version -------------------------------------------------------------


@pytest.fixture(scope="module")
def left_behind(tmp_path_factory):
    """What an earlier version left: a run's events in a file of its own, those of assets twice.

    The folder, a run that succeeded, what was heard of it, one that failed, one that goes on.
    """
    folder = tmp_path_factory.mktemp("earlier")
    job = days_graph.defs.resolve_job_def(days_graph.JOB)
    with dg.DagsterInstance.local_temp(str(folder)) as instance:
        good, heard = run(instance, "2022-05-26", "2022-05-27")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(days_graph, "meanwhile", lambda _: 1 / 0)
            failed, _ = run(instance, "2022-05-28", "2022-05-29", succeeds=False)
        begun = instance.create_run_for_job(job)
        instance.report_dagster_event(
            dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, days_graph.JOB), begun.run_id
        )
    return folder, good, heard, failed, begun.run_id


@pytest.fixture
def earlier(left_behind, data_dir):
    """The same, where `dagster.yaml` finds it."""
    folder, *runs = left_behind
    shutil.copytree(folder, data_dir / "dagster")
    return runs


def test_a_run_of_an_earlier_version_can_be_read(earlier, instance):
    good, heard, _, _ = earlier

    assert [entry.message for entry in instance.all_logs(good)] == [
        entry.message for entry in heard
    ]
    assert instance.get_run_stats(good).materializations == 5


def test_days_of_earlier_runs_are_shown_beside_those_of_later_ones(earlier, instance, ui):
    _, _, failed, _ = earlier
    assert ui.days(SECOND) == {
        "2022-05-26 to 2022-05-27": "MATERIALIZED",
        "2022-05-28 to 2022-05-29": "FAILED",
    }
    assert ui.run_of(SECOND, "2022-05-29") == failed

    later, _ = run(instance, "2022-05-29", "2022-05-30")

    assert ui.days(SECOND) == {
        "2022-05-26 to 2022-05-27": "MATERIALIZED",
        "2022-05-28 to 2022-05-28": "FAILED",
        "2022-05-29 to 2022-05-30": "MATERIALIZED",
    }
    assert ui.run_of(SECOND, "2022-05-29") == later


def test_a_run_that_an_earlier_version_began_can_be_ended(earlier, instance):
    *_, begun = earlier

    instance.report_run_failed(instance.get_run_by_id(begun))

    kinds = [entry.dagster_event_type for entry in instance.all_logs(begun)]
    assert kinds[0] == PLANNED
    assert kinds[-1] == dg.DagsterEventType.RUN_FAILURE
    ended = instance.fetch_run_status_changes(dg.DagsterEventType.RUN_FAILURE, limit=1)
    assert [record.event_log_entry.run_id for record in ended.records] == [begun]


def test_a_run_of_an_earlier_version_can_be_deleted(earlier, instance):
    good, *_ = earlier

    instance.delete_run(good)

    assert instance.all_logs(good) == []
    assert instance.get_materialized_partitions(SECOND) == set()
