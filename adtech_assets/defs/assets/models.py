"""The dbt models: staging, intermediate and marts, in parts that are built and fail apart."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg
import duckdb
from dagster._utils.interrupts import raise_interrupts_as

from adtech_assets import graph
from adtech_assets.defs.days import (
    SINGLE_RUN,
    days_told,
    is_rebuild,
    materialized,
    run_days,
    unchanged_since,
)
from adtech_assets.defs.dbt_project import DBT_DIR, MANIFEST, parsed
from adtech_assets.defs.dbt_sources import create_sources
from adtech_assets.defs.model_specs import asset_spec, check_spec, daily_models, parts
from adtech_assets.defs.resources import WarehouseResource
from adtech_assets.defs.steps import day_step
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


def build(project: Project) -> list[dg.AssetsDefinition]:
    """The models of a project, with its tests as their checks."""
    daily = daily_models(project)
    return [_build_part(project, name, models, daily) for name, models in parts(project).items()]


def _build_part(
    project: Project, name: str, built: list[Model], daily: set[str]
) -> dg.AssetsDefinition:
    names = {model.name for model in built}
    tests = [test for test in project.tests.values() if test.model in names]
    checks = [check_spec(project, test) for test in tests]
    by_check = {check.key: test for check, test in zip(checks, tests, strict=True)}

    @dg.multi_asset(
        name=name,
        specs=[asset_spec(project, model, by_day=model.name in daily) for model in built],
        check_specs=checks,
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
        asked_tests = [by_check[key] for key in sorted(context.selected_asset_check_keys)]
        # Nobody comes between what is planned, what dbt does and what is noted of it.
        with day_step(context, settings, project), warehouse.store.reserved():
            with warehouse.get_connection() as connection:
                todo = _plan(context, connection, settings, project, asked, asked_tests)
                if not todo:
                    nothing = _Outcome(project, todo, [])
                    yield from nothing.of_models(context, connection, asked)
                    yield from nothing.of_tests(connection, asked_tests)
                    return
            results = _run_dbt(project, todo, settings)
            with warehouse.get_connection() as connection:
                planning.finish(connection, project, todo, results, context.run_id)
                if any(project.models[name].materialized == "snapshot" for name in todo.models):
                    history.keep(connection, settings.history_dir)
                outcome = _Outcome(project, todo, results)
                yield from outcome.of_models(context, connection, asked)
                yield from outcome.of_tests(connection, asked_tests)
            outcome.raise_failures(settings)

    return build_models


def _plan(  # noqa: PLR0913, PLR0917 - a plan depends on no less
    context: dg.AssetExecutionContext,
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    project: Project,
    asked: list[Model],
    tests: list[Test],
) -> planning.Plan:
    """What is to be built and tested; begun, so that a kill leaves it to the next run."""
    create_sources(connection, settings.feed)
    if any(model.materialized == "snapshot" for model in asked):
        for restored in history.restore(connection, settings.history_dir):
            context.log.info(f"Restored {restored} from {settings.history_dir}.")
    again = set(run_days(context.run.tags) or ()) if is_rebuild(context) else None
    versions = graph.read(connection, settings, project)
    todo = planning.plan(connection, versions, asked, tests, again)
    planning.begin(connection, todo)
    return todo


def _run_dbt(project: Project, todo: planning.Plan, settings: Settings) -> "list[Result]":
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


@dataclass(frozen=True)
class _Outcome:
    """What dbt did, in Dagster's words."""

    project: Project
    todo: planning.Plan
    results: "list[Result]"

    def of_models(
        self,
        context: dg.AssetExecutionContext,
        connection: duckdb.DuckDBPyConnection,
        asked: list[Model],
    ) -> Iterator[dg.MaterializeResult[None]]:
        """Of those that were asked for, but for those that failed."""
        failed = {result.unique_id for result in self.results if result.status not in DONE}
        for model in asked:
            if model.unique_id not in failed:
                yield _materialized(context, connection, model, self.todo.models.get(model.name))

    def of_tests(
        self, connection: duckdb.DuckDBPyConnection, asked: list[Test]
    ) -> Iterator[dg.AssetCheckResult]:
        """Of those that were asked now, and of those whose inputs have not changed."""
        by_id = {result.unique_id: result for result in self.results}
        notes = Notes(connection)
        for test in asked:
            if test.unique_id not in self.todo.tests:
                known = notes.verdict(test.unique_id)
                if known is not None:
                    since = unchanged_since(known.at)
                    yield self._check_result(test, known.status, known.failures, since)
            elif test.unique_id in by_id and by_id[test.unique_id].status != "skipped":
                result = by_id[test.unique_id]
                took = {"Execution Duration": result.seconds}
                yield self._check_result(test, result.status, result.failures, took)

    def _check_result(
        self, test: Test, status: str, failures: int | None, metadata: Mapping[str, Any]
    ) -> dg.AssetCheckResult:
        failed_rows = {} if failures is None else {"dagster_dbt/failed_row_count": failures}
        is_warning = status == "warn"
        return dg.AssetCheckResult(
            asset_key=dg.AssetKey(self.project.models[test.model].asset_key),
            check_name=test.check_name,
            passed=status == "pass",
            severity=dg.AssetCheckSeverity.WARN if is_warning else dg.AssetCheckSeverity.ERROR,
            metadata={"status": status, **failed_rows, **metadata},
        )

    def raise_failures(self, settings: Settings) -> None:
        """Fail, with a line about each model and test that did."""
        failed = [result for result in self.results if result.status in ("error", "fail")]
        if failed:
            log = settings.dbt_target_dir / "dbt.log"
            told = "; ".join(map(self._told, failed))
            raise UserError(f"dbt: {told[:MOST_TOLD]} (log: {log})")

    def _told(self, result: "Result") -> str:
        test = self.project.tests.get(result.unique_id)
        return f"Failure in test {test.check_name}: {result.message}" if test else result.message


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
    if not context.assets_def.specs_by_key[key].partitions_def:
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


def _row_count(connection: duckdb.DuckDBPyConnection, model: Model) -> dict[str, Any]:
    """None of views: to count them may cost as much as to build a table."""
    if model.materialized == "view":
        return {}
    row = connection.execute(f"SELECT count(*) FROM {model.table}").fetchone()
    return {"dagster/row_count": row[0] if row else 0}
