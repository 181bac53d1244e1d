"""Refused files, and what a person does with them: try again, replace another file, or give up."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from typing import TYPE_CHECKING, NamedTuple

from adtech_assets import files
from adtech_assets.errors import UserError
from adtech_assets.feed import landing
from adtech_assets.feed.ledger import Ledger
from adtech_assets.feed.raw_tables import RAW_TABLES
from adtech_assets.feed.rejections import Rejection
from adtech_assets.partitions import DayRange
from adtech_assets.stores.warehouse import Warehouse, transaction

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from adtech_assets.contract import Feed, Kind
    from adtech_assets.feed.landing import LandedFile
    from adtech_assets.feed.ledger import LedgerRow
    from adtech_assets.settings import Settings


class QuarantinedFile(NamedTuple):
    """A refused file in its folder, beside the reason."""

    folder: Path
    name: str
    """Below the landing folder that it came to."""

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.folder / self.name


def quarantined_files(settings: Settings) -> list[QuarantinedFile]:
    """Every file in quarantine, in the order in which they came."""
    folders = sorted(settings.quarantine_dir.glob("[0-9]*/"))
    found = [(folder, landing.quarantined(folder, settings.feed)) for folder in folders]
    return [QuarantinedFile(folder, name) for folder, name in found if name is not None]


def waiting(connection: duckdb.DuckDBPyConnection) -> list[tuple[Kind, str, str, str]]:
    """Kind, name, reason and detail of each refused file, in the order in which they came."""
    return connection.execute(
        "SELECT kind, file_name, reason, detail FROM raw.log_files WHERE status = 'quarantined' "
        "ORDER BY file_id"
    ).fetchall()


def unknown_files(
    connection: duckdb.DuckDBPyConnection, settings: Settings
) -> list[QuarantinedFile]:
    """Files in quarantine of whose names the ledger knows nothing: the warehouse was lost since."""
    there = quarantined_files(settings)
    names = [landing.shown_name(file.name) for file in there]
    query = "SELECT DISTINCT file_name FROM raw.log_files WHERE file_name IN ?"
    known = {name for (name,) in connection.execute(query, [names]).fetchall()}
    return [file for file, name in zip(there, names, strict=True) if name not in known]


def reason(file: QuarantinedFile) -> Rejection | None:
    """Why a file is in quarantine, as `reason.json` beside it says; None if that cannot be read."""
    try:
        note = json.loads((file.folder / landing.REASON).read_text(encoding="utf-8"))
        return Rejection(note["reason"], note["detail"])
    except (OSError, ValueError, LookupError, TypeError):
        return None


def discard(settings: Settings, name: str) -> list[Path]:
    """Give up refused files of a name: they leave for `archive/discarded`, beside their reasons.

    The ledger goes on naming them, as discarded; no check warns of them any more. One that is lost
    is given up all the same.

    Returns:
        Where they are now.

    Raises:
        UserError: no such file is in quarantine.
    """
    found = [file for file in quarantined_files(settings) if file.name == name]
    with Warehouse.of(settings).connect() as connection:
        Ledger.create(connection, settings.feed)
        with transaction(connection):
            given_up = connection.execute(
                "UPDATE raw.log_files SET status = 'discarded' "
                "WHERE status = 'quarantined' AND file_name = ? RETURNING file_id",
                [landing.shown_name(name)],
            ).fetchall()
            if not found and not given_up:
                raise UserError(f"{name} is not in quarantine. See what is: adtech status")
            # Before the commit: what is discarded twice after a kill is no harm.
            kept = []
            for file in found:
                target = landing.discarded_dir(settings) / file.folder.name
                files.move(file.folder / landing.REASON, target / landing.REASON)
                files.move(file.path, target / name)
                shutil.rmtree(file.folder)
                kept.append(target / name)
    return kept


def refuse_counted(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    file: LandedFile,
    file_id: int,
    rejection: Rejection,
) -> None:
    """Take back that a file is counted: whoever counts its events found that it is not good.

    A kill between the note and the move leaves it where it lies; the next run judges it anew.
    """
    with transaction(connection):
        days = connection.execute(
            "UPDATE raw.log_files SET status = 'quarantined', reason = ?, detail = ?, "
            "loaded_at = NULL, rows = NULL, events_other_hour = NULL, events_without_time = NULL, "
            "events_kept = NULL, missing_columns = [], feed_columns = NULL, "
            "schema_fingerprint = NULL WHERE file_id = ? AND status = 'loaded' RETURNING file_date",
            [rejection.reason, rejection.detail, file_id],
        ).fetchall()
        Ledger(connection).note_versions([day for (day,) in days], run_id="")
    if days:
        landing.quarantine(settings, file, rejection, file_id)


def retry(settings: Settings, name: str | None = None) -> list[str]:
    """Put refused files (one, or all) back into the landing folder for the next run to judge.

    Of several files of one name the newest goes; with no name given, those stay whose name the
    landing folder has already.

    Returns:
        Names of the files put back.

    Raises:
        UserError: no such file is in quarantine, or the landing folder has one of that name.
    """
    newest = {file.name: file for file in quarantined_files(settings) if name in (None, file.name)}
    if name is not None and not newest:
        raise UserError(f"{name} is not in quarantine. See what is: adtech status")
    taken = {found for found in newest if os.path.lexists(settings.raw_data_dir / found)}
    if name is not None and name in taken:
        raise UserError(f"{settings.raw_data_dir / name} exists already. Move it away first.")
    put_back = [file for file in newest.values() if file.name not in taken]
    for file in put_back:
        _put_back(settings, file)
    return [file.name for file in put_back]


def replace(settings: Settings, name: str) -> DayRange:
    """Let a refused file take the place of the counted file of the same name.

    The old file's rows leave the warehouse, the file itself goes to `archive/replaced`. The new
    one goes back to the landing folder: load its day again to count it. So do the duplicates of the
    old file, whose events were counted under its name: they are judged again.

    Returns:
        The days to load.

    Raises:
        UserError: no file of that name is in quarantine, it would be refused again, none is
            loaded, or the landing folder has yet another one.
    """
    found = [file for file in quarantined_files(settings) if file.name == name]
    if not found:
        raise UserError(f"{name} is not in quarantine. See what is: adtech status")
    with Warehouse.of(settings).connect() as connection:
        Ledger.create(connection, settings.feed)
        old = Ledger(connection).counted(name)
        if old is None:
            raise UserError(
                f"No loaded file is called {name}. Try it again: adtech logs retry "
                f"{shlex.quote(name)}"
            )
        _check(found[-1].path, settings.feed, old.kind)
        _check_is_new(Ledger(connection), found[-1].path, old.kind)
        duplicates = _duplicates_of(old, Ledger(connection))
        originals = _originals(settings, old)
        again = [
            (path, duplicate.file_name)
            for duplicate in duplicates
            for path in _originals(settings, duplicate)
        ]
        with transaction(connection):
            connection.execute(
                f"DELETE FROM {RAW_TABLES[old.kind]} WHERE file_id = ?", [old.file_id]
            )
            connection.execute(
                "UPDATE raw.log_files SET status = 'replaced' WHERE file_id IN ?",
                [[row.file_id for row in (old, *duplicates)]],
            )
            if old.file_date is not None:
                Ledger(connection).note_versions([old.file_date], run_id="")
            # Before the commit: were the old file still in the archive without being in the
            # ledger, the next run would read it again.
            for original in originals:
                files.move(original, landing.replaced_dir(settings) / f"{old.file_id:08d}" / name)
            for path, called in again:
                files.move(path, settings.raw_data_dir / called)
            _put_back(settings, found[-1])
    days = [row.file_date for row in (old, *duplicates) if row.file_date is not None]
    return DayRange(min(days), max(days))


def _check(path: Path, feed: Feed, kind: Kind) -> None:
    """Refuse a replacement that a run would refuse as well, and leave the day without either."""
    if path.is_symlink() or not path.is_file():
        raise UserError(f"{path} is not a regular file, so it cannot replace one.")
    try:
        from adtech_assets.feed.conformance import Inspector  # noqa: PLC0415 - needs pyarrow: 0.05 s

        Inspector(feed, kind).look(path)
    except Rejection as rejection:
        raise UserError(
            f"{path} would be refused again, so it replaces nothing: {rejection.detail}."
        ) from None


def _check_is_new(ledger: Ledger, path: Path, kind: Kind) -> None:
    """Refuse a replacement that would be a duplicate: the day would lose the old file's events."""
    for row in ledger.find(kind, [], [files.sha256(path)]):
        if row.status == "loaded":
            raise UserError(
                f"{path} repeats the bytes of {row.file_name}, which is counted already, so it "
                "replaces nothing."
            )


def _duplicates_of(old: LedgerRow, ledger: Ledger) -> list[LedgerRow]:
    """The files that are not counted because this one is."""
    if old.status != "loaded":
        return []
    same_bytes = ledger.find(old.kind, [], [old.sha256 or ""])
    return [row for row in same_bytes if row.status == "duplicate"]


def _originals(settings: Settings, old: LedgerRow) -> list[Path]:
    """The counted file itself, wherever it still lies."""
    if old.file_date is None:
        raise ValueError(f"{old.file_name} has no day, so it cannot have been counted")
    landed = settings.raw_data_dir / old.file_name
    archived = landing.archive_path(
        settings, old.kind, old.file_date, old.file_name, duplicate=old.status == "duplicate"
    )
    is_other = landed.is_symlink() or (
        landed.exists() and (not landed.is_file() or files.sha256(landed) != old.sha256)
    )
    if is_other:
        raise UserError(
            f"{landed} is yet another file. Load its day, or move it away, then try again."
        )
    return [path for path in (landed, archived) if path.exists()]


def _put_back(settings: Settings, file: QuarantinedFile) -> None:
    files.move(file.path, settings.raw_data_dir / file.name)
    shutil.rmtree(file.folder)
