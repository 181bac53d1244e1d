"""Where the files are that the ledger knows: each in its place, and none that it does not know.

Delivered = loaded + duplicate + quarantined, file by file. Files are compared by name and size, for
their bytes were hashed when they came.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adtech_assets.contract import KINDS
from adtech_assets.feed import landing, quarantine
from adtech_assets.feed.ledger import COUNTED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from pathlib import Path

    import duckdb

    from adtech_assets.contract import Feed, Kind
    from adtech_assets.partitions import DayRange
    from adtech_assets.settings import Settings


@dataclass(frozen=True)
class Misplaced:
    """A file that is not where it should be, or not as large; sizes in bytes, 0 where it is not."""

    day: date | None
    name: str
    expected_in: str
    expected: int
    found_in: str
    found: int
    file_id: int | None = None
    """In the ledger; None for a file that it does not know."""


def misplaced(
    connection: duckdb.DuckDBPyConnection, settings: Settings, days: DayRange
) -> list[Misplaced]:
    """Files of the days, and files without a day, on which ledger and folders do not agree."""
    archived = _Archived(settings)
    return [
        *_lost_originals(connection, settings, days, archived),
        *_uncounted_originals(connection, settings, days, archived),
        *_lost_from_quarantine(connection, settings, days),
        *_unknown_in_quarantine(connection, settings),
    ]


def lost_originals(
    connection: duckdb.DuckDBPyConnection, settings: Settings, days: DayRange
) -> list[Misplaced]:
    """Counted files that are neither in the archive nor still in the landing folder.

    None, unless originals are archived: otherwise nobody promised that they are kept. Files that
    were deleted on purpose are not missed.
    """
    return _lost_originals(connection, settings, days, _Archived(settings))


def _lost_originals(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    days: DayRange,
    archived: _Archived,
) -> list[Misplaced]:
    if settings.processed_files != "archive":
        return []
    rows = connection.execute(
        "SELECT file_date, kind, status = 'duplicate', file_name, bytes, file_id "
        "FROM raw.log_files "
        "WHERE status IN ? AND deleted_at IS NULL AND file_date BETWEEN ? AND ? ORDER BY ALL",
        [list(COUNTED), days.first, days.last],
    ).fetchall()
    landed = _sizes(settings.raw_data_dir, settings.feed)
    lost = []
    for day, kind, is_duplicate, name, size, file_id in rows:
        found = archived.sizes(kind, day, duplicate=is_duplicate).get(name, 0)
        if size not in (found, landed.get(name)):
            lost.append(Misplaced(day, name, "the ledger", size, "the archive", found, file_id))
    return lost


def _uncounted_originals(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    days: DayRange,
    archived: _Archived,
) -> Iterator[Misplaced]:
    """Archived files that the next run of their day reads: the warehouse is behind the archive."""
    rows = connection.execute(
        "SELECT file_name FROM raw.log_files WHERE status IN ? AND file_date BETWEEN ? AND ?",
        [list(COUNTED), days.first, days.last],
    ).fetchall()
    counted = {name for (name,) in rows}
    for kind in KINDS:
        # A look for a folder of each day since the start date took 10 ms a year.
        for day in landing.archived_days(settings, kind, days):
            for name, size in archived.sizes(kind, day).items():
                if name not in counted:
                    shown = landing.shown_name(name)
                    yield Misplaced(day, shown, "the archive", size, "the ledger", 0)


def _lost_from_quarantine(
    connection: duckdb.DuckDBPyConnection, settings: Settings, days: DayRange
) -> list[Misplaced]:
    rows = connection.execute(
        "SELECT file_date, file_name, bytes, file_id FROM raw.log_files "
        "WHERE status = 'quarantined' AND (file_date IS NULL OR file_date BETWEEN ? AND ?) "
        "ORDER BY ALL",
        [days.first, days.last],
    ).fetchall()
    if not rows:
        return []
    kept = {
        (landing.shown_name(file.name), file.path.lstat().st_size)
        for file in quarantine.quarantined_files(settings)
    }
    # What cannot be moved stays, to be refused by each run.
    stayed = {
        landing.shown_name(file.name) for file in landing.scan(settings.raw_data_dir, settings.feed)
    }
    return [
        Misplaced(day, name, "the ledger", size, "quarantine", 0, file_id)
        for day, name, size, file_id in rows
        if (name, size) not in kept and name not in stayed
    ]


def _unknown_in_quarantine(
    connection: duckdb.DuckDBPyConnection, settings: Settings
) -> list[Misplaced]:
    unknown = quarantine.unknown_files(connection, settings)
    return [
        Misplaced(
            None,
            landing.shown_name(file.name),
            *("quarantine", file.path.lstat().st_size),
            *("the ledger", 0),
        )
        for file in unknown
    ]


class _Archived:
    """The folders of the archive, each read once: 17,000 files of a year take 0.2 s."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folders: dict[tuple[Kind, date, bool], dict[str, int]] = {}

    def sizes(self, kind: Kind, day: date, *, duplicate: bool = False) -> dict[str, int]:
        """Size of each file of a day."""
        key = (kind, day, duplicate)
        if key not in self._folders:
            folder = landing.archive_path(self._settings, kind, day, ".", duplicate=duplicate)
            self._folders[key] = _sizes(folder, self._settings.feed)
        return self._folders[key]


def _sizes(folder: Path, feed: Feed) -> dict[str, int]:
    """Size of each log file of a folder that is a regular file; none of a folder that is none."""
    if not folder.is_dir():
        return {}
    return {file.name: file.bytes for file in landing.scan(folder, feed) if file.is_regular}
