"""Takes the loaded files of a day out of the landing folder, once nothing can be lost by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adtech_assets.logs import landing
from adtech_assets.logs.ledger import Ledger
from adtech_assets.logs.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import duckdb

    from adtech_assets.logs.ledger import LedgerRow
    from adtech_assets.partitions import DayRange
    from adtech_assets.settings import Settings


@dataclass
class Cleared:
    """What became of the files of the landing folder."""

    archived: int = 0
    deleted: int = 0
    kept: int = 0
    not_loaded: int = 0
    """Files that stay, because the load of their day does not include them."""


def clear_landing(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    days: DayRange,
    loaded_fingerprints: Mapping[date, str],
) -> Cleared:
    """Archive or delete what is loaded, as the settings say.

    A file goes only when the ledger has counted these very bytes (or knows them as a duplicate)
    and the committed load of its day was made from the same files as the ledger has now.

    Args:
        connection: to the warehouse.
        settings: `processed_files` says what to do.
        days: the days of the run.
        loaded_fingerprints: by day, the files' fingerprint in the committed `load_audit`.
    """
    result = Cleared()
    ledger = Ledger(connection)
    rows = {row.file_name: row for row in ledger.of_days(days) if row.status != "quarantined"}
    counted = ledger.day_files(days)
    complete = {
        day for day, files in counted.items() if loaded_fingerprints.get(day) == files.fingerprint
    }
    for file in landing.scan(settings.raw_data_dir):
        row = rows.get(file.name)
        if row is None or row.file_date is None:
            continue
        # A day of nothing but duplicates has no load of its own to wait for.
        is_loaded = row.file_date in complete or row.file_date not in counted
        if not is_loaded or not _has_same_bytes(file, row):
            result.not_loaded += 1
        elif settings.processed_files == "keep":
            result.kept += 1
        elif settings.processed_files == "delete":
            file.path.unlink()
            result.deleted += 1
        else:
            if row.status == "duplicate":
                landing.archive_duplicate(settings, file, row.file_date)
            else:
                landing.archive(settings, file, row.file_date)
            result.archived += 1
    return result


def _has_same_bytes(file: landing.LandedFile, row: LedgerRow) -> bool:
    if not file.is_regular or file.bytes != row.bytes:
        return False
    # Hashed again only when the file was touched since, for example delivered once more.
    if file.modified_ns == row.modified_ns:
        return True
    try:
        return landing.fingerprint(file).sha256 == row.sha256
    except (Refusal, FileNotFoundError):
        return False
