"""Refused files, and what a person does with them: try again, replace another file, or give up."""

from __future__ import annotations

import json
import shlex
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from adtech_assets.errors import UserError
from adtech_assets.feed import landing, places
from adtech_assets.feed.ledger import Ledger
from adtech_assets.feed.place import REASON
from adtech_assets.feed.raw_tables import RAW_TABLES
from adtech_assets.feed.rejections import Rejection
from adtech_assets.partitions import DayRange
from adtech_assets.stores.warehouse import Warehouse, transaction

if TYPE_CHECKING:
    import duckdb

    from adtech_assets.contract import Feed, Kind
    from adtech_assets.feed.ledger import LedgerRow
    from adtech_assets.feed.place import LandedFile
    from adtech_assets.settings import Settings


class QuarantinedFile(NamedTuple):
    """A refused file in its folder, beside the reason."""

    number: str
    """Of the folder."""
    file: LandedFile

    @property
    def name(self) -> str:
        """Below the landing folder that it came to."""
        return self.file.name


def quarantined_files(settings: Settings) -> list[QuarantinedFile]:
    """Every file in quarantine, in the order in which they came."""
    found = places.quarantine(settings).refused(settings.feed)
    return [QuarantinedFile(number, file) for number, file in found]


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
        note = json.loads(file.file.place.read(REASON))
        return Rejection(note["reason"], note["detail"])
    except (OSError, ValueError, LookupError, TypeError):
        return None


def discard(settings: Settings, name: str) -> list[str]:
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
                target = landing.discarded(settings, file.number)
                with suppress(FileNotFoundError):  # moved before a kill
                    target.write(REASON, file.file.place.read(REASON))
                places.move(file.file, target, name)
                file.file.place.clear()
                kept.append(target.shown(name))
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
    place = places.landing(settings)
    taken = {found for found in newest if place.has(found)}
    if name is not None and name in taken:
        raise UserError(f"{place.shown(name)} exists already. Move it away first.")
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
        _check(Ledger(connection), found[-1].file, settings.feed, old.kind)
        duplicates = _duplicates_of(old, Ledger(connection))
        originals = _originals(settings, old)
        again = [file for duplicate in duplicates for file in _originals(settings, duplicate)]
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
                places.move(original, landing.replaced(settings, old.file_id), name)
            for file in again:
                places.move(file, places.landing(settings), file.name)
            _put_back(settings, found[-1])
    days = [row.file_date for row in (old, *duplicates) if row.file_date is not None]
    return DayRange(min(days), max(days))


def _check(ledger: Ledger, file: LandedFile, feed: Feed, kind: Kind) -> None:
    """Refuse a replacement that would leave the day without either.

    Because a run would refuse it as well, or as a duplicate of a file that is counted.
    """
    shown = file.place.shown(file.name)
    if not file.is_regular:
        raise UserError(f"{shown} is not a regular file, so it cannot replace one.")
    try:
        from adtech_assets.feed.conformance import Inspector  # noqa: PLC0415 - needs pyarrow: 0.05 s

        seen = file.place.fingerprint(file)
        Inspector(feed, kind).look(file.path)
    except Rejection as rejection:
        raise UserError(
            f"{shown} would be refused again, so it replaces nothing: {rejection.detail}."
        ) from None
    for row in ledger.find(kind, [], [seen.sha256 or ""]):
        if row.status == "loaded":
            raise UserError(
                f"{shown} repeats the bytes of {row.file_name}, which is counted already, so it "
                "replaces nothing."
            )


def _duplicates_of(old: LedgerRow, ledger: Ledger) -> list[LedgerRow]:
    """The files that are not counted because this one is."""
    if old.status != "loaded":
        return []
    same_bytes = ledger.find(old.kind, [], [old.sha256 or ""])
    return [row for row in same_bytes if row.status == "duplicate"]


def _originals(settings: Settings, old: LedgerRow) -> list[LandedFile]:
    """The counted file itself, wherever it still lies."""
    if old.file_date is None:
        raise ValueError(f"{old.file_name} has no day, so it cannot have been counted")
    originals = []
    place = places.landing(settings)
    with suppress(FileNotFoundError):
        landed = place.look(old.file_name, old.kind)
        if not _is_of(landed, old):
            raise UserError(
                f"{place.shown(old.file_name)} is yet another file. Load its day, or move it away, "
                "then try again."
            )
        originals.append(landed)
    archive = landing.archive_of(
        settings, old.kind, old.file_date, duplicate=old.status == "duplicate"
    )
    with suppress(FileNotFoundError):
        originals.append(archive.look(old.file_name, old.kind))
    return originals


def _is_of(file: LandedFile, row: LedgerRow) -> bool:
    """Whether a file has the bytes that were counted."""
    try:
        return file.place.fingerprint(file).sha256 == row.sha256
    except Rejection:
        return False


def _put_back(settings: Settings, file: QuarantinedFile) -> None:
    places.move(file.file, places.landing(settings), file.name)
    file.file.place.clear()
