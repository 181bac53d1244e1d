"""Counts days with Spark: the warehouse is held to ask what to count and to take the answer.

Between the two, which is where the time goes, other runs may have it. What changed meanwhile, late
files or another run's answer, is seen before the answer is taken, and counted again.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from adtech_assets.contract import KINDS
from adtech_assets.errors import TransientError, UserError
from adtech_assets.feed import conformance, landing, places, quarantine, raw_tables
from adtech_assets.feed.conformance import Inspector
from adtech_assets.feed.ledger import LedgerRow
from adtech_assets.feed.names import LogFileName
from adtech_assets.feed.reader import FileToRead, Reader
from adtech_assets.feed.rejections import Rejection
from adtech_assets.rollup import counting
from adtech_assets.rollup.spark.engine import EventFile, Spark
from adtech_assets.rollup.user_agents import INVALID_AGENTS
from adtech_assets.stores.warehouse import transaction
from adtech_assets.versions import Notes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    import duckdb
    import pyarrow as pa

    from adtech_assets.contract import Kind
    from adtech_assets.feed.conformance import Looked
    from adtech_assets.feed.place import LandedFile
    from adtech_assets.rollup.facts import Facts
    from adtech_assets.rollup.spark.engine import Verified
    from adtech_assets.settings import Settings
    from adtech_assets.stores.warehouse import Warehouse
    from adtech_assets.versions import Day

    Versions = Mapping[Day, str | None]

TRIES = 10
"""Of counting days whose files change while they are counted."""

logger = logging.getLogger(__name__)


class _Row(NamedTuple):
    """A counted file as the ledger knows it."""

    file: LedgerRow
    day: date
    hour: int
    rows: int
    is_verified: bool

    @property
    def name(self) -> LogFileName:
        """What its name says, but for its offsets."""
        return LogFileName(self.file.kind, self.day, self.hour)


@dataclass(frozen=True)
class _Found:
    """A counted file where it lies now."""

    row: _Row
    landed: LandedFile
    path: Path
    """Where this machine reads it."""
    looked: Looked
    file: EventFile


def count(
    store: Warehouse,
    settings: Settings,
    stale: Callable[[duckdb.DuckDBPyConnection], Mapping[Facts, Versions]],
    run_id: str,
) -> dict[Facts, set[Day]]:
    """Count days of facts anew from all their files, and take what is still as it was.

    Args:
        store: the warehouse, held only while its tables are read and written.
        settings: name the server, the feed and the folders.
        stale: says which days of which facts are to be counted, with the versions they will have.
        run_id: to be noted.

    Returns:
        The days that were counted.

    Raises:
        UserError: there is no server, it cannot count, or a counted file is gone.
        TransientError: the server went away, or files keep arriving.
    """
    spark = Spark(_remote(settings), settings.feed)
    built: dict[Facts, dict[Day, str | None]] = {}
    for _ in range(TRIES):
        with store.connect() as connection:
            counting.create(connection, settings.feed)
            wanted = {
                counted: left
                for counted, versions in stale(connection).items()
                if (left := _left(versions, built.setdefault(counted, {})))
            }
            if not wanted:
                return {counted: set(versions) for counted, versions in built.items()}
            kinds = {kind for counted in wanted for kind in counted.kinds}
            rows = _ledger_rows(connection, kinds, set().union(*wanted.values()))
            invalid_agents = connection.sql(INVALID_AGENTS).to_arrow_table()
        files = _find(settings, rows)
        if not _verify(
            spark, store, settings, [each for each in files if not each.row.is_verified]
        ):
            continue
        supplied: set[Day] = set()
        for counted, versions in wanted.items():
            if supplied != set(versions):
                supplied = set(versions)
                of_days = [each.file for each in files if each.row.day in supplied]
                spark.supply(of_days, invalid_agents)
            answer = spark.answer(counted)
            with store.connect() as connection, transaction(connection):
                now = stale(connection)[counted]
                same = {day: new for day, new in versions.items() if now.get(day, "") == new}
                _take(connection, counted, same, answer, rows)
                Notes(connection).note(counted.table, same, run_id)
            built[counted] |= same
    raise TransientError("Files keep changing while they are counted; try again later.")


def verify(store: Warehouse, settings: Settings, kind: Kind, days: Collection[date]) -> None:
    """Have new files of days read once, before their day is checked and counted.

    Raises:
        UserError: there is no server, or it cannot read what is good here.
        TransientError: the server went away.
    """
    is_over = False
    while not is_over:
        with store.connect() as connection:
            rows = _ledger_rows(connection, [kind], days)
        if not (unverified := [row for row in rows if not row.is_verified]):
            return
        spark = Spark(_remote(settings), settings.feed)
        is_over = _verify(spark, store, settings, _find(settings, unverified))


def _remote(settings: Settings) -> str:
    if settings.spark_remote is None:
        raise UserError(
            "ADTECH_ENGINE is spark, and nothing says where that is. Set ADTECH_SPARK_REMOTE, like "
            "sc://host:15002."
        )
    return settings.spark_remote.get_secret_value()


def _left(versions: Versions, built: Versions) -> Versions:
    """Those that this run has not built yet; somebody may want days again whatever they are."""
    return {day: new for day, new in versions.items() if built.get(day, "") != new}


def _ledger_rows(
    connection: duckdb.DuckDBPyConnection, kinds: Collection[Kind], days: Collection[Day]
) -> list[_Row]:
    rows = connection.execute(
        f"""
        SELECT {LedgerRow.columns()}, file_hour, rows, events_without_time IS NOT NULL
        FROM raw.log_files
        WHERE status = 'loaded' AND kind IN $kinds
            AND file_date IN (SELECT unnest($days::DATE[]))
        ORDER BY file_id
        """,
        {"kinds": list(kinds), "days": list(days)},
    )
    found = ((LedgerRow(*row[:-3]), row[-3:]) for row in rows.fetchall())
    return [_Row(file, file.file_date, *told) for file, told in found if file.file_date]


def _find(settings: Settings, rows: Sequence[_Row]) -> list[_Found]:
    """Where counted files lie now: in the landing folder, or in the archive."""
    # One for all files of a kind: what those of one schema have in common is found out once.
    inspectors = {kind: Inspector(settings.feed, kind) for kind in KINDS}
    return [_find_one(settings, row, inspectors[row.file.kind]) for row in rows]


def _find_one(settings: Settings, row: _Row, inspector: Inspector) -> _Found:
    name = row.file.file_name
    archived = landing.archive_of(settings, row.file.kind, row.day)
    for place in (places.landing(settings), archived):
        try:
            landed = place.counted(place.look(name, row.file.kind), row.file)
            if landed is not None:
                path = place.fetch(landed)
                looked = inspector.look(path)
                return _Found(row, landed, path, looked, _event_file(settings, row, landed, looked))
        except FileNotFoundError:  # or somebody archives it just now
            continue
        except Rejection as rejection:
            raise UserError(
                f"{place.shown(name)} was good when it was counted: {rejection.detail}."
            ) from None
    raise UserError(
        f"{name} of {row.day} is counted, and neither in {settings.raw_data_dir} nor in "
        f"{settings.archive_dir}. Spark counts a day from all its files: bring it back."
    )


def _event_file(settings: Settings, row: _Row, landed: LandedFile, looked: Looked) -> EventFile:
    starts_at, ends_at = row.name.utc_bounds(settings.zone)
    location = landed.place.shown(landed.name)
    return EventFile(
        row.file.file_id,
        row.file.kind,
        # Hadoop's name of what everybody else calls s3.
        re.sub("^s3://", "s3a://", location),
        looked.layout,
        row.day,
        row.hour,
        starts_at,
        ends_at,
    )


# ---- whether files are what they promised ------------------------------------------------------


def _verify(
    spark: Spark, store: Warehouse, settings: Settings, unverified: Sequence[_Found]
) -> bool:
    """Have every event of new files read once; those that are not as promised are quarantined.

    Returns:
        Whether all are good; else the days have other files now.
    """
    verified: dict[int, Verified] = {}
    refused: dict[int, tuple[_Found, Rejection]] = {}
    for kind in KINDS:
        of_kind = [each for each in unverified if each.row.file.kind == kind]
        fault = None
        try:
            verified |= spark.verify(kind, [each.file for each in of_kind])
        except UserError as error:
            fault = error
        for each in of_kind:
            if not _is_as_promised(each, verified.get(each.row.file.file_id)):
                verified.pop(each.row.file.file_id, None)
                if rejection := _rejection(settings, each):
                    refused[each.row.file.file_id] = each, rejection
                elif fault is None:
                    raise UserError(
                        f"Spark finds other events in {each.path} than are there. Does it see the "
                        "same file? Its workers need the folders under the same paths."
                    )
        if fault is not None and not refused:
            raise fault
    if unverified:
        with store.connect() as connection:
            _note_verified(connection, verified)
            for each, rejection in refused.values():
                file_id = each.row.file.file_id
                quarantine.refuse_counted(connection, settings, each.landed, file_id, rejection)
                logger.warning("Quarantined %s: %s", each.landed.name, rejection.detail)
    return not refused


def _is_as_promised(each: _Found, found: Verified | None) -> bool:
    if found is None or found.rows != each.row.rows or not found.is_utf8:
        return False
    try:
        conformance.check_size(found.rows, found.text_bytes)
    except Rejection:
        return False
    return True


def _rejection(settings: Settings, each: _Found) -> Rejection | None:
    """Why a file is not good, from reading it here as DuckDB does where it counts."""
    row = each.row
    file = FileToRead(row.file.file_id, each.path, row.file.bytes, row.name, each.looked)
    with raw_tables.in_memory(settings.feed) as connection:
        try:
            Reader(connection, settings.feed, settings.zone).append_one(file)
        except Rejection as rejection:
            return Rejection(rejection.reason, rejection.detail)
    return None


def _note_verified(connection: duckdb.DuckDBPyConnection, verified: Mapping[int, Verified]) -> None:
    if not verified:
        return
    with transaction(connection):
        connection.executemany(
            "UPDATE raw.log_files SET events_other_hour = ?, events_without_time = ? "
            "WHERE file_id = ? AND status = 'loaded'",
            [
                [found.events_other_hour, found.events_without_time, file_id]
                for file_id, found in verified.items()
            ],
        )


# ---- the answer --------------------------------------------------------------------------------


def _take(
    connection: duckdb.DuckDBPyConnection,
    counted: Facts,
    versions: Versions,
    answer: pa.Table,
    rows: Sequence[_Row],
) -> None:
    """Replace the counts of days by Spark's, which must total what their files promised.

    Raises:
        UserError: they do not.
    """
    days = [day for day in versions if day is not None]
    counting.forget(connection, counted, days)
    connection.register("answer", answer)
    connection.execute(
        f"INSERT INTO {counted.table} BY NAME "
        f"FROM answer WHERE {counted.day} IN (SELECT unnest(?::DATE[]))",
        [days],
    )
    connection.unregister("answer")
    promised: Counter[tuple[date, Kind]] = Counter()
    for row in rows:
        promised[row.day, row.file.kind] += row.rows
    totals = counting.day_totals(connection, counted, days)
    for day in days:
        for kind in counted.kinds:
            found = totals.get(day, {}).get(kind, 0)
            if found != promised[day, kind]:
                raise UserError(
                    f"Spark counted {found:,} {kind} of {day}, and its files promise "
                    f"{promised[day, kind]:,}. Nothing of it was taken."
                )
