"""What the pipeline is made of, and what each part of it is built from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adtech_assets.billing import CLOSED_MONTHS
from adtech_assets.feed.ledger import LEDGER_TABLE
from adtech_assets.feed.raw_tables import RAW_TABLES
from adtech_assets.operational.snapshot import EVENT_TABLES, WHOLE_TABLES
from adtech_assets.rollup import facts, user_agents
from adtech_assets.versions import By, Input, Notes, Part, Parts, digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import date

    import duckdb

    from adtech_assets.models.project import Model, Project
    from adtech_assets.settings import Settings

ROLLUP = facts.ROLLUP.table
USER_AGENTS = "rollup.user_agents"
DAILY_CSV = "daily_csv"
CSV_DATA_TASK = "csv_data_task"
EXTRACTED_DAYS = "raw.extracted_days"

CSV_VERSION = 1
"""Of what the daily CSV, and the table that it is loaded into, say; to be raised with a change."""


def parts(settings: Settings, project: Project) -> list[Part]:
    """Every part, inputs before what is built from them."""
    built = [*_log_branch(settings), *_source(), Part(CLOSED_MONTHS, "change")]
    built += _models(settings, project, {part.name: part.by for part in built})
    tests = _tests(settings, project, {part.name: part.by for part in built})
    return [*built, *_audits(settings), *tests]


def read(connection: duckdb.DuckDBPyConnection, settings: Settings, project: Project) -> Parts:
    """The parts with the versions that the warehouse notes of them."""
    return Parts(parts(settings, project), Notes(connection).of)


def stale_days(parts: Parts) -> set[date]:
    """Days of which something that is built by day has another version than it should have.

    What has never been built, for nobody has asked for it, is not stale. A day whose counts differ
    is not either: it is built, and the counts are named.
    """
    return {
        day
        for part in parts
        if part.by == "day" and part.inputs and not part.is_view and parts.noted(part.name)
        if part.name != CONSERVED
        for day in parts.stale(part.name)
        if day is not None
    }


def _log_branch(settings: Settings) -> Iterator[Part]:
    for table in RAW_TABLES.values():
        yield Part(table, "day")
    yield Part(LEDGER_TABLE, "day")
    yield _facts(facts.ROLLUP)
    yield Part(USER_AGENTS, "day", (Input(ROLLUP),), digest(user_agents.classifier_version()))
    yield from (_facts(counted) for counted in facts.ALL if counted is not facts.ROLLUP)
    csv = digest(CSV_VERSION, settings.user_agent)
    yield Part(DAILY_CSV, "day", (Input(ROLLUP),), csv)
    yield Part(CSV_DATA_TASK, "day", (Input(DAILY_CSV),))


def _facts(counted: facts.Facts) -> Part:
    reads = [*counted.raw_tables, *([USER_AGENTS] if "invalid_agents" in counted.reads else [])]
    return Part(counted.table, "day", tuple(map(Input, reads)), counted.code)


def _source() -> Iterator[Part]:
    for table in EVENT_TABLES:
        yield Part(f"raw.{table}", "day")
    yield Part(EXTRACTED_DAYS, "day")
    for table in WHOLE_TABLES:
        yield Part(f"raw.{table}", "change")


def audit(part: str, check: str) -> str:
    """The name of a part that notes on which versions of another a check has passed."""
    return f"{part} {check}"


CONSERVED = audit(CSV_DATA_TASK, "counts_are_conserved")


def _audits(settings: Settings) -> Iterator[Part]:
    """The checks that block: what is noted is that they have passed on these versions."""
    for table in RAW_TABLES.values():
        yield _audit(table, "files_are_complete", table, LEDGER_TABLE)
        refuses = digest(settings.refuse_offset_overlaps)
        yield _audit(table, "offsets_are_counted_once", LEDGER_TABLE, code=refuses)
    for table in EVENT_TABLES:
        yield _audit(f"raw.{table}", "rows_equal_source", f"raw.{table}", EXTRACTED_DAYS)
    for counted in facts.ALL:
        yield _audit(counted.table, counted.check, counted.table, LEDGER_TABLE)
    yield _audit(USER_AGENTS, "every_agent_is_classified", USER_AGENTS, ROLLUP)
    yield _audit(DAILY_CSV, "csv_equals_rollup", DAILY_CSV, ROLLUP)
    # Not of the CSV too: a day whose files are fewer now may have one that is not loaded yet.
    yield _audit(CSV_DATA_TASK, "table_equals_csv", CSV_DATA_TASK)
    yield Part(CONSERVED, "day", (Input(CSV_DATA_TASK),))  # nothing waits for it


def _audit(part: str, check: str, *reads: str, code: str = "") -> Part:
    return Part(audit(part, check), "day", tuple(map(Input, reads)), code, audits=part)


def _models(settings: Settings, project: Project, by: dict[str, By]) -> Iterator[Part]:
    """The dbt models; a view has the grain of what it reads, for it has no rows of its own."""
    for model in project.models.values():
        read = {by[name] for name in model.inputs}
        if model.materialized == "table":
            by[model.name] = "whole"
        elif model.materialized == "snapshot":
            by[model.name] = "change"
        elif model.materialized == "incremental" or "day" in read:
            by[model.name] = "day"
        else:
            by[model.name] = "whole" if "whole" in read else "change"
        yield Part(
            model.name,
            by[model.name],
            tuple(_input(model, name) for name in model.inputs),
            digest(model.code, *_values(settings, model.settings)),
            is_view=model.materialized == "view",
        )


def _tests(settings: Settings, project: Project, by: Mapping[str, By]) -> Iterator[Part]:
    """The dbt tests: what is noted is the verdict on these versions."""
    for test in project.tests.values():
        yield Part(
            test.unique_id,
            "day" if test.is_daily else "whole",
            tuple(Input(name, undated=test.is_daily and by[name] != "day") for name in test.inputs),
            digest(test.code, *_values(settings, test.settings)),
            audits=test.model if test.is_error else None,
        )


def _values(settings: Settings, names: Iterable[str]) -> Iterator[object]:
    """The settings that decide the rows of a model, or the verdict of a test."""
    return (getattr(settings, name) for name in names)


def _input(model: Model, name: str) -> Input:
    """What a model reads: the days around its own, and of campaigns what was known on the day."""
    return Input(name, model.days_around.get(name, 0), as_of_day=model.is_daily)
