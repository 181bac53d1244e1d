"""The dbt models: staging, intermediate and marts, in parts that are built and fail apart."""

import textwrap
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg
import duckdb
from dagster._utils.interrupts import raise_interrupts_as

from adtech_assets import graph
from adtech_assets.defs.dbt_project import DBT_DIR, MANIFEST, dbt_project, parsed
from adtech_assets.defs.dbt_sources import create_sources
from adtech_assets.defs.resources import WarehouseResource
from adtech_assets.defs.steps import (
    DAILY,
    OWNERS,
    SINGLE_RUN,
    days_told,
    is_rebuild,
    materialized,
    run_days,
    step,
    unchanged_since,
)
from adtech_assets.errors import UserError
from adtech_assets.models import planning
from adtech_assets.models.project import Model, Project, Test
from adtech_assets.operational import history
from adtech_assets.settings import Settings
from adtech_assets.versions import Day, Notes

if TYPE_CHECKING:
    from adtech_assets.models.dbt import Result

MOST_TOLD = 500
"""Characters of errors that are told; the rest is in the log."""

DONE = ("success", "pass", "warn")
"""What dbt says of what went well."""

BRANCHES = {"operational": "operational", "logs": "log", "rollup": "log"}
"""The branch of the graph that a dbt source belongs to."""

project = dbt_project()


def by_day(project: Project) -> set[str]:
    """Models that are partitioned: built by day, or read by those that are.

    So nothing that is built whole lies between two that have partitions, and a range of days that
    is asked for in the UI is one run up to the last of these, and one more for the rest.
    """
    found: set[str] = set()
    for model in reversed(list(project.models.values())):
        if model.is_daily or model.name in found:
            found |= {model.name, *model.inputs}
    return found & project.models.keys()


BY_DAY = by_day(project)


def asset_spec(model: Model) -> dg.AssetSpec:
    """Of a model: its group is its layer, and it is partitioned by day if it is built by day."""
    code = textwrap.indent(model.raw_code, "    ")
    return dg.AssetSpec(
        dg.AssetKey(model.asset_key),
        deps=[dg.AssetKey(project.asset_key(name)) for name in model.inputs],
        description=f"{model.description}\n\n#### Raw SQL:\n```sql\n{code}\n```",
        metadata={
            "dagster/column_schema": dg.TableSchema(
                [
                    dg.TableColumn(name, column.type, column.description)
                    for name, column in model.columns.items()
                ]
            ),
            **_column_lineage(model),
            "dagster/table_name": f"warehouse.{model.table}",
            "dagster/storage_kind": "duckdb",
            "dagster-dbt/materialization_type": model.materialized,
            "dagster_dbt/unique_id": model.unique_id,
        },
        skippable=True,
        group_name=model.schema,
        code_version=model.code,
        owners=OWNERS,
        tags={"daily": ""} if model.is_daily else {},
        kinds={"dbt", "duckdb"},
        partitions_def=DAILY if model.name in BY_DAY else None,
    )


def _column_lineage(model: Model) -> dict[str, dg.TableColumnLineage]:
    if not model.column_lineage:
        return {}
    return {
        "dagster/column_lineage": dg.TableColumnLineage(
            {
                column: [dg.TableColumnDep(dg.AssetKey(key), name) for key, name in found]
                for column, found in model.column_lineage.items()
            }
        )
    }


def check_spec(test: Test) -> dg.AssetCheckSpec:
    """Of a test: what depends on its model waits for it, unless it only warns."""
    asset = dg.AssetKey(project.models[test.model].asset_key)
    read = {dg.AssetKey(project.asset_key(name)) for name in test.inputs}
    return dg.AssetCheckSpec(
        test.check_name,
        asset=asset,
        additional_deps=sorted(read - {asset}),
        metadata={"dagster_dbt/unique_id": test.unique_id},
        blocking=test.is_error,
    )


def _parts() -> dict[str, list[Model]]:
    """The models and snapshots of each part, by its name; each behind those that it reads."""
    parts = defaultdict(list)
    for model in project.models.values():
        parts[_part(model)].append(model)
    return parts


def _part(model: Model) -> str:
    """The part of a model: what is in one is built, and fails, together.

    It has one branch, so that a failure of the log files does not hold back what stands on the
    operational database, and the other way round. And it has one partitioning.
    """
    above = set(_ancestors(model))
    branches = {
        BRANCHES[source.branch] for name, source in project.sources.items() if name in above
    }
    kind = "daily" if model.name in BY_DAY else "whole"
    return f"{branches.pop() if len(branches) == 1 else 'joint'}_{kind}_models"


def _ancestors(model: Model) -> Iterator[str]:
    """What a model stands on, sources included; some of it more than once."""
    for name in model.inputs:
        yield name
        if name in project.models:
            yield from _ancestors(project.models[name])


def _build_assets(name: str, built: list[Model]) -> dg.AssetsDefinition:
    names = {model.name for model in built}
    tests = {check_spec(test).key: test for test in project.tests.values() if test.model in names}

    @dg.multi_asset(
        name=name,
        specs=list(map(asset_spec, built)),
        check_specs=list(map(check_spec, tests.values())),
        can_subset=True,
        backfill_policy=SINGLE_RUN,
    )
    def build_models(
        context: dg.AssetExecutionContext,
        settings: dg.ResourceParam[Settings],
        warehouse: WarehouseResource,
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        """Build the models that are stale, for the days that are, and test them."""
        asked = [
            model for model in built if dg.AssetKey(model.asset_key) in context.selected_asset_keys
        ]
        asked_tests = [tests[key] for key in sorted(context.selected_asset_check_keys)]
        again = set(run_days(context.run.tags) or ()) if is_rebuild(context) else None
        # Nobody comes between what is planned, what dbt does and what is noted of it.
        with step(context, settings), warehouse.store.reserved():
            with warehouse.get_connection() as connection:
                create_sources(connection, settings.feed)
                if any(model.materialized == "snapshot" for model in asked):
                    for restored in history.restore(connection, settings.history_dir):
                        context.log.info(f"Restored {restored} from {settings.history_dir}.")
                parts = graph.read(connection, settings, project)
                todo = planning.plan(connection, parts, asked, asked_tests, again)
                planning.begin(connection, todo)
                if not todo:
                    yield from _materializations(context, connection, asked, todo, [])
                    yield from _verdicts(connection, asked_tests, todo, [])
                    return
            results = _build(todo, settings)
            with warehouse.get_connection() as connection:
                planning.finish(connection, project, todo, results, context.run_id)
                if any(project.models[name].materialized == "snapshot" for name in todo.models):
                    history.keep(connection, settings.history_dir)
                yield from _materializations(context, connection, asked, todo, results)
                yield from _verdicts(connection, asked_tests, todo, results)
            _tell_failures(results, settings)

    return build_models


def _materializations(
    context: dg.AssetExecutionContext,
    connection: duckdb.DuckDBPyConnection,
    asked: list[Model],
    todo: planning.Plan,
    results: "list[Result]",
) -> Iterator[dg.MaterializeResult[None]]:
    """Of the models that were asked for, but for those that failed."""
    failed = {result.unique_id for result in results if result.status not in DONE}
    for model in asked:
        if model.unique_id not in failed:
            yield _materialized(context, connection, model, todo.models.get(model.name))


def _build(todo: planning.Plan, settings: Settings) -> "list[Result]":
    # It takes 0.35 s to load, in a process that may have nothing to build.
    from adtech_assets.models import dbt  # noqa: PLC0415

    # At this one dbt cancels its queries. Dagster's own it would take for an error of its own.
    with raise_interrupts_as(KeyboardInterrupt):
        return dbt.build(
            [*(project.models[name].unique_id for name in todo.models), *todo.tests],
            todo.days,
            project_dir=DBT_DIR,
            parsed=parsed(DBT_DIR, settings.feed) / MANIFEST,
            target_path=settings.dbt_target_dir,
        )


def _materialized(
    context: dg.AssetExecutionContext,
    connection: duckdb.DuckDBPyConnection,
    model: Model,
    built: Collection[Day] | None,
) -> dg.MaterializeResult[None]:
    """What there is to say of a model, and of each day that was built or asked for."""
    key, notes = dg.AssetKey(model.asset_key), Notes(connection)
    noted = notes.noted_at(model.name, notes.of(model.name)).values()
    unchanged = {} if built is not None else unchanged_since(max(noted, default=None))
    if model.name not in BY_DAY:
        return dg.MaterializeResult(
            asset_key=key, metadata=_row_count(connection, model) | unchanged
        )
    if model.materialized != "incremental":
        # Without rows by day: a view, or all versions of what is known.
        told = days_told(context, notes, model.name, ())
        return materialized(
            context, key, {day: {} for day in told}, _row_count(connection, model) | unchanged
        )
    told = days_told(context, notes, model.name, built or ())
    rows = dict(
        connection.execute(
            f"SELECT event_date, count(*) FROM {model.table} "
            "WHERE event_date IN (SELECT unnest(?::DATE[])) GROUP BY ALL",
            [list(told)],
        ).fetchall()
    )
    for day, of_day in told.items():
        of_day["dagster/partition_row_count"] = rows.get(day, 0)
    return materialized(context, key, told)


def _verdicts(
    connection: duckdb.DuckDBPyConnection,
    asked: list[Test],
    todo: planning.Plan,
    results: "list[Result]",
) -> Iterator[dg.AssetCheckResult]:
    """What the tests say: those that were asked now, and those whose inputs have not changed."""
    by_id = {result.unique_id: result for result in results}
    notes = Notes(connection)
    for test in asked:
        if test.unique_id not in todo.tests:
            known = notes.verdict(test.unique_id)
            if known is not None:
                yield _check_result(test, known.status, known.failures, unchanged_since(known.at))
        elif test.unique_id in by_id and by_id[test.unique_id].status != "skipped":
            result = by_id[test.unique_id]
            yield _check_result(
                test, result.status, result.failures, {"Execution Duration": result.seconds}
            )


def _check_result(
    test: Test, status: str, failures: int | None, metadata: Mapping[str, Any]
) -> dg.AssetCheckResult:
    failed_rows = {} if failures is None else {"dagster_dbt/failed_row_count": failures}
    return dg.AssetCheckResult(
        asset_key=dg.AssetKey(project.models[test.model].asset_key),
        check_name=test.check_name,
        passed=status == "pass",
        severity=dg.AssetCheckSeverity.WARN if status == "warn" else dg.AssetCheckSeverity.ERROR,
        metadata={"status": status, **failed_rows, **metadata},
    )


def _row_count(connection: duckdb.DuckDBPyConnection, model: Model) -> dict[str, Any]:
    """None of views: to count them may cost as much as to build a table."""
    if model.materialized == "view":
        return {}
    row = connection.execute(f"SELECT count(*) FROM {model.table}").fetchone()
    return {"dagster/row_count": row[0] if row else 0}


def _tell_failures(results: "Iterable[Result]", settings: Settings) -> None:
    """Fail, with a line about each model and test that did."""
    failed = [result for result in results if result.status in ("error", "fail")]
    if failed:
        told = "; ".join(
            result.message
            if result.unique_id not in project.tests
            else f"Failure in test {project.tests[result.unique_id].check_name}: {result.message}"
            for result in failed
        )
        log = settings.dbt_target_dir / "dbt.log"
        raise UserError(f"dbt: {told[:MOST_TOLD]} (log: {log})")


assets = [_build_assets(name, models) for name, models in _parts().items()]
