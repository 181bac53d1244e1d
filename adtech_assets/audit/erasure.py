"""Erases days from every store: files, warehouse, audited table, published tables, results.

Files go first and the warehouse after them, so that no run finds a file that the ledger does not
know. Each store is erased whole or not at all, and erasing what is gone does nothing: after a kill
the same command goes on. What totals many days is built anew by the run that follows.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from adtech_assets import billing, graph
from adtech_assets.audit import failures
from adtech_assets.contract import KINDS
from adtech_assets.feed import landing, names, places
from adtech_assets.feed.ledger import LEDGER_TABLE, Ledger
from adtech_assets.feed.raw_tables import RAW_TABLES
from adtech_assets.feed.rejections import Rejection
from adtech_assets.load import audited_load, daily_csv
from adtech_assets.operational import snapshot
from adtech_assets.operational.snapshot import EVENT_TABLES
from adtech_assets.partitions import parse_day, today
from adtech_assets.publish import notes as published_notes
from adtech_assets.publish.marts import DAY_COLUMN
from adtech_assets.rollup import facts, user_agents
from adtech_assets.stores import erasures, identity, ownership
from adtech_assets.stores.outputs import REPORT_NAME
from adtech_assets.stores.postgres import Postgres, retried
from adtech_assets.stores.warehouse import Warehouse, transaction
from adtech_assets.versions import Notes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    import duckdb

    from adtech_assets.contract import Kind
    from adtech_assets.models.project import Project
    from adtech_assets.partitions import DayRange
    from adtech_assets.settings import Settings
    from adtech_assets.stores.erasures import Erasure
    from adtech_assets.stores.identity import Identity

ONE_DAY = timedelta(1)

_REPORT_OF_DAYS = re.compile(
    rf"{Path(REPORT_NAME).stem}_(\d{{4}}-\d\d-\d\d)_(\d{{4}}-\d\d-\d\d)\.html"
)


def erase(settings: Settings, project: Project, days: DayRange, by: str) -> Erasure:
    """Erase days from all stores, and note what was erased; marts of all days are stale then.

    Args:
        settings: name the stores.
        project: the models.
        days: in the names of log files, and in `created_at` of operational events.
        by: login of who wants it.

    Returns:
        The account, to be finished once what totals many days is built anew.

    Raises:
        TransientError: a store is in use or unreachable; the same command goes on.
        UserError: the target is another's.
    """
    target = Postgres.of(settings, "target")
    with Warehouse.of(settings).connect() as connection:
        whose = identity.of(connection)
        # Nobody's target is looked at before anything is deleted.
        with ownership.writing(target, whose):
            pass
        erasure = erasures.begin(settings, days.first, days.last, by)
        Ledger.create(connection, settings.feed)
        stores: list[Callable[[], Counter[str]]] = [
            lambda: _erase_files(settings, days),
            lambda: _erase_from_warehouse(connection, settings, project, days),
            lambda: _erase_from_target(target, whose, days),
            lambda: _erase_results(settings, days),
        ]
        for erase_from in stores:
            # Noted store by store: what is erased is not found again after a kill.
            total = Counter(erasure.erased) + erase_from()
            erasure = erasures.note(settings, replace(erasure, erased=dict(total)))
        left = list(_left(connection, settings, days))
    return erasures.note(settings, replace(erasure, left=left))


def _left(
    connection: duckdb.DuckDBPyConnection, settings: Settings, days: DayRange
) -> Iterator[str]:
    """What says something of the days still, a line each."""
    for closed in billing.closed_months(connection):
        if any((day.year, day.month) == (closed.month.year, closed.month.month) for day in days):
            yield (
                f"closed month {closed.month:%Y-%m}: sums of campaigns and money, of no single "
                "event, as they were billed"
            )
    for backup in erasures.backups(settings):
        yield f"backup {backup}, if it is still there: what it holds stays in it"
    places_named = (settings.raw_data_dir, settings.archive_dir, settings.exports_bucket)
    if buckets := {str(place) for place in places_named if "://" in str(place)}:
        yield f"versions of objects in {', '.join(sorted(buckets))}, until their lifecycle rule"
    yield "operational database: it is not ours; its events of these days are not copied any more"
    yield (
        "Dagster's run history: names of files and counts, until ADTECH_RUN_HISTORY_DAYS "
        f"({settings.run_history_days}) have passed"
    )


# ---- files -------------------------------------------------------------------------------------


def _erase_files(settings: Settings, days: DayRange) -> Counter[str]:
    """Delete log files of the days, wherever they lie, and what was noted beside them."""
    erased: Counter[str] = Counter()
    landed = places.landing(settings)
    if landed.exists():
        for file in landing.scan(landed, settings.feed):
            if _day_of(settings, file.name) in days:
                file.place.remove(file)
                erased["files in the landing folder"] += 1
    for is_duplicate in (False, True):
        for kind in KINDS:
            erased["files in the archive"] += _erase_archived(
                settings, kind, days, duplicates=is_duplicate
            )
    archive = places.archive(settings)
    for what, place in (
        ("files in quarantine", places.quarantine(settings)),
        ("files in the archive", archive.within(landing.REPLACED)),
        ("files in the archive", archive.within(landing.DISCARDED)),
    ):
        for folder, file in list(place.refused(settings.feed)):
            if _day_of(settings, file.name) in days:
                file.place.remove(file)
                place.within(folder).clear()
                erased[what] += 1
    places.empty_spool(settings)
    return erased


def _erase_archived(settings: Settings, kind: Kind, days: DayRange, *, duplicates: bool) -> int:
    found = landing.archived_files(settings, kind, days, duplicates=duplicates)
    for day, files in found.items():
        for file in files:
            file.place.remove(file)
        landing.archive_of(settings, kind, day, duplicate=duplicates).remove_if_empty()
    return sum(map(len, found.values()))


def _day_of(settings: Settings, name: str) -> date | None:
    """The day in the name of a log file, if it is one's."""
    try:
        return names.day_of(settings.feed, name, today(settings.zone))
    except Rejection:
        return None


# ---- warehouse ---------------------------------------------------------------------------------


def _erase_from_warehouse(
    connection: duckdb.DuckDBPyConnection, settings: Settings, project: Project, days: DayRange
) -> Counter[str]:
    """Delete the days from every table by day, and their versions, in one transaction.

    Rows of a model that are on these days and come from files of the day before or after are built
    again from these.
    """
    facts.create(connection)
    snapshot.create_tables(connection)
    connection.execute(user_agents.SCHEMA)
    Notes.create(connection)
    by_day = {
        **dict.fromkeys(RAW_TABLES.values(), "file_date"),
        LEDGER_TABLE: "file_date",
        **{each.table: each.day for each in facts.ALL},
        **{f"raw.{table}": "created_at::DATE" for table in EVENT_TABLES},
        graph.EXTRACTED_DAYS: "event_date",
        **{
            model.table: DAY_COLUMN
            for model in project.models.values()
            if model.materialized == "incremental" and _is_there(connection, model.table)
        },
    }
    erased: Counter[str] = Counter()
    with transaction(connection):
        for table, day in by_day.items():
            statement = f"DELETE FROM {table} WHERE {day} BETWEEN ? AND ?"
            erased[f"rows of {table}"] = _deleted(connection, statement, days.first, days.last)
        # Agents that nobody else has used; they may say more of a person than a count does.
        erased[f"rows of {graph.USER_AGENTS}"] = _deleted(
            connection,
            f"DELETE FROM {graph.USER_AGENTS} WHERE user_agent_id NOT IN "
            f"(SELECT {user_agents.AGENT_ID} FROM {facts.ROLLUP.table})",
        )
        notes = Notes(connection)
        for part in graph.parts(settings, project):
            if part.by == "day" and not part.is_view:
                notes.forget(part.name, days)
        for table in EVENT_TABLES:
            notes.forget(f"source.{table}", days)
    return +erased


def _is_there(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    query = "SELECT 1 FROM duckdb_tables() WHERE schema_name || '.' || table_name = ?"
    return connection.execute(query, [table]).fetchone() is not None


def _deleted(connection: duckdb.DuckDBPyConnection, statement: str, *values: object) -> int:
    row = connection.execute(statement, list(values)).fetchone()
    return int(row[0]) if row else 0


# ---- target and results ------------------------------------------------------------------------


@retried
def _erase_from_target(target: Postgres, whose: Identity, days: DayRange) -> Counter[str]:
    """Delete the days from the audited table, and from every published one, in one transaction."""
    erased: Counter[str] = Counter()
    with ownership.writing(target, whose) as postgres, postgres.cursor() as cursor:
        erased.update(audited_load.erase(postgres, days))
        erased.update(published_notes.erase(cursor, days))
    return erased


def _erase_results(settings: Settings, days: DayRange) -> Counter[str]:
    """Delete the files of the days; those of all days are written anew by the next run."""
    failures.clear(settings, days)
    erased: Counter[str] = Counter()
    for day in days:
        path = daily_csv.path_of(settings.output_dir, day)
        erased["daily CSV files"] += path.exists()
        path.unlink(missing_ok=True)
    for path in settings.exports_dir.glob(f"{Path(REPORT_NAME).stem}_*.html"):
        of_days = _REPORT_OF_DAYS.fullmatch(path.name)
        if of_days is None:
            continue
        first, last = map(parse_day, of_days.groups())
        # Its days are compared with as many before them.
        if first - (last - first) - ONE_DAY <= days.last and days.first <= last:
            path.unlink()
            erased["reports of days"] += 1
    return erased
