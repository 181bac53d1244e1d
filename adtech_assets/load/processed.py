"""Takes loaded files out of the landing folder, later the archive, once nothing is lost by it."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from adtech_assets.errors import UserError
from adtech_assets.feed import landing, places
from adtech_assets.feed.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import duckdb

    from adtech_assets.feed.ledger import LedgerRow
    from adtech_assets.feed.place import LandedFile
    from adtech_assets.partitions import DayRange
    from adtech_assets.settings import Settings


@dataclass
class Cleared:
    """What became of the files of the landing folder, by the day of their name."""

    archived: Counter[date] = field(default_factory=Counter)
    deleted: Counter[date] = field(default_factory=Counter)
    kept: Counter[date] = field(default_factory=Counter)
    not_loaded: Counter[date] = field(default_factory=Counter)
    """Files that stay, because the load of their day does not include them."""


def clear_landing(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    loaded_fingerprints: Mapping[date, str],
) -> Cleared:
    """Archive or delete what is loaded, as the settings say.

    A file goes only when the ledger has counted these very bytes (or knows them as a duplicate)
    and the committed load of its day was made from the same files as the ledger has now.

    Args:
        connection: to the warehouse.
        settings: `processed_files` says what to do.
        loaded_fingerprints: by day, the files' fingerprint in the committed `load_audit`.
    """
    result = Cleared()
    ledger = Ledger(connection)
    landed = landing.scan(places.landing(settings), settings.feed)
    rows = {row.file_name: row for row in ledger.counted_of([file.name for file in landed])}
    days = {row.file_date for row in rows.values() if row.file_date is not None}
    incomplete = _incomplete_days(ledger, days, loaded_fingerprints)
    doomed: dict[int, LandedFile] = {}
    leaving: list[tuple[LandedFile, LedgerRow]] = []
    for file in landed:
        row = rows.get(file.name)
        if row is None or row.file_date is None:
            continue
        counted = None if row.file_date in incomplete else file.place.counted(file, row)
        # In a bucket, what was counted may be there still behind what was delivered since.
        if counted is None or counted.etag != file.etag:
            result.not_loaded[row.file_date] += 1
        if counted is None:
            continue
        if settings.processed_files == "keep":
            result.kept[row.file_date] += 1
        elif settings.processed_files == "delete":
            file.place.check_deletable(file)
            doomed[row.file_id] = counted
            result.deleted[row.file_date] += 1
        else:
            leaving.append((counted, row))
            result.archived[row.file_date] += 1
    _archive(settings, leaving)
    _delete(ledger, doomed)
    places.empty_spool(settings)
    return result


def delete_archived(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    days: DayRange,
    loaded_fingerprints: Mapping[date, str],
) -> int:
    """Delete archived files that were counted more than `archive_days` ago; returns how many.

    As in `clear_landing`, the committed load of their day must have been made from the files that
    the ledger has now. What the ledger says of them stays, and so do their events.

    Args:
        connection: to the warehouse.
        settings: `archive_days`; with 0 nothing is deleted.
        days: the days to look at.
        loaded_fingerprints: by day, the files' fingerprint in the committed `load_audit`.
    """
    if not settings.archive_days:
        return 0
    ledger = Ledger(connection)
    incomplete = _incomplete_days(ledger, days, loaded_fingerprints)
    now = datetime.now(UTC).replace(tzinfo=None)
    doomed: dict[int, LandedFile] = {}
    for row in ledger.counted_before(now - timedelta(settings.archive_days), days):
        if row.file_date is None or row.file_date in incomplete:
            continue
        place = landing.archive_of(
            settings, row.kind, row.file_date, duplicate=row.status == "duplicate"
        )
        with suppress(FileNotFoundError):
            file = place.look(row.file_name, row.kind)
            if file.bytes == row.bytes:  # what is damaged is not what was counted
                doomed[row.file_id] = file
    deleted = _delete(ledger, doomed)
    for place in {file.place for file in doomed.values()}:
        place.remove_if_empty()
    return deleted


def _incomplete_days(
    ledger: Ledger, days: Collection[date], loaded_fingerprints: Mapping[date, str]
) -> set[date]:
    """Days with counted files which the committed load does not include, or not as they are now.

    A day of nothing but duplicates has no load of its own to wait for.
    """
    return {
        day
        for day, files in ledger.day_files(days).items()
        if loaded_fingerprints.get(day) != files.fingerprint
    }


def _archive(settings: Settings, leaving: list[tuple[LandedFile, LedgerRow]]) -> None:
    """Move files to the archive, one by one; of a bucket, whose answers take time, some at once."""

    def move(file: LandedFile, row: LedgerRow) -> None:
        if row.file_date is None:
            raise ValueError(f"{row.file_name} has no day, so it cannot have been counted")
        way = landing.archive_duplicate if row.status == "duplicate" else landing.archive
        try:
            way(settings, file, row.file_date)
        except FileNotFoundError:
            raise UserError(
                f"{file.place.shown(file.name)} disappeared before it was archived. Its events "
                f"stay counted. Find out who took it; to go on without it: adtech logs "
                f"accept-loss {row.file_date}"
            ) from None

    if not isinstance(settings.raw_data_dir, str) and not isinstance(settings.archive_dir, str):
        for file, row in leaving:
            move(file, row)
        return
    with ThreadPoolExecutor(places.OBJECTS_AT_ONCE, "archive") as pool:
        list(pool.map(lambda each: move(*each), leaving))


def _delete(ledger: Ledger, doomed: Mapping[int, LandedFile]) -> int:
    """Delete files by their ids in the ledger, which knows of it first: a kill costs no file."""
    ledger.mark_deleted(list(doomed), datetime.now(UTC).replace(tzinfo=None))
    for file in doomed.values():
        file.place.remove(file)
    return len(doomed)
