"""Which models are to be built for which days, and which tests to be asked again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adtech_assets.partitions import contiguous
from adtech_assets.versions import Notes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import date

    import duckdb

    from adtech_assets.models.dbt import Days, Result
    from adtech_assets.models.project import Model, Project, Test
    from adtech_assets.versions import Day, Parts

    Versions = dict[Day, str | None]

GOOD = ("pass", "warn")


@dataclass
class Plan:
    """What there is to do, with the versions that are noted once it is done."""

    models: dict[str, Versions] = field(default_factory=dict)
    """By name."""
    tests: dict[str, Versions] = field(default_factory=dict)
    """By unique id."""
    days: dict[str, Days | None] = field(default_factory=dict)
    """Of each model and test, by name, as dbt is told them; None: all days."""

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.models or self.tests)


def plan(
    connection: duckdb.DuckDBPyConnection,
    parts: Parts,
    models: Iterable[Model],
    tests: Iterable[Test],
    again: Collection[date] | None,
) -> Plan:
    """Find what is stale, as if all before it had been built.

    Args:
        connection: to the warehouse.
        parts: with the versions that are noted; on return, with those that will be.
        models: that may be built, inputs first.
        tests: that may be asked.
        again: days to be built whatever the versions say; without any, everything is. None:
            nothing.
    """
    result = Plan()
    there = _relations(connection)
    for model in models:
        wanted = parts.wanted(model.name)
        versions = parts.stale(model.name)
        if model.table not in there:
            versions |= wanted
        if again is not None:
            by_day = model.materialized == "incremental" and again
            versions |= {day: wanted.get(day) for day in (again if by_day else wanted)}
        # An empty model is built too: others read it.
        if versions or model.table not in there:
            result.models[model.name] = versions
            result.days[model.name] = _ranges(versions, wanted)
            parts.suppose(model.name, versions)
    notes = Notes(connection)
    for test in tests:
        wanted = parts.wanted(test.unique_id)
        versions = parts.stale(test.unique_id)
        if again is not None:
            versions |= {day: wanted.get(day) for day in (again if test.is_daily else wanted)}
        if versions or notes.verdict(test.unique_id) is None:
            # What was warned of is looked at again together with what is new: it may still be so.
            versions |= {day: wanted.get(day) for day in notes.of(_warned(test.unique_id))}
            result.tests[test.unique_id] = versions
            result.days[test.check_name] = _ranges(versions, wanted)
    return result


def begin(connection: duckdb.DuckDBPyConnection, todo: Plan) -> None:
    """Forget the versions of what is about to be built: after a kill it is built again."""
    notes = Notes(connection)
    for name, versions in todo.models.items():
        notes.forget(name, versions)


def finish(
    connection: duckdb.DuckDBPyConnection,
    project: Project,
    todo: Plan,
    results: Iterable[Result],
    run_id: str,
) -> None:
    """Note what has been built, and what the tests say."""
    notes = Notes(connection)
    by_id = {result.unique_id: result for result in results}
    for name, versions in todo.models.items():
        result = by_id.get(project.models[name].unique_id)
        if result is not None and result.status == "success":
            notes.note(name, versions, run_id)
    for unique_id, versions in todo.tests.items():
        result = by_id.get(unique_id)
        if result is None or result.status not in GOOD:
            continue
        notes.note(unique_id, versions, run_id)
        notes.note_verdict(unique_id, result.status, result.failures)
        is_warning = result.status == "warn"
        notes.note(_warned(unique_id), dict.fromkeys(versions, "?" if is_warning else None), run_id)


def _warned(unique_id: str) -> str:
    """The part that notes the days about which a test has warned."""
    return f"{unique_id} warned"


def _ranges(versions: Collection[Day], wanted: Collection[Day]) -> Days | None:
    """The days as ranges; None where these are all there are: a model is then made anew.

    So a model whose code has changed gets the columns that it has now.
    """
    if set(wanted) <= set(versions):
        return None
    days = {day for day in versions if day is not None}
    return [(stretch.first, stretch.end) for stretch in contiguous(days)]


def _relations(connection: duckdb.DuckDBPyConnection) -> set[str]:
    rows = connection.execute(
        "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE NOT temporary "
        "UNION ALL SELECT schema_name || '.' || view_name FROM duckdb_views() WHERE NOT internal"
    ).fetchall()
    return {name for (name,) in rows}
