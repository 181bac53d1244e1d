"""Takes a kind's log files of some days into the warehouse, each counted once.

Every run looks at the whole landing folder. Files of its days are read, or refused; files of other
days stay; files that no day can claim go to quarantine. Archived files that the ledger does not
know are read again, which is how a lost warehouse comes back.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

from adtech_assets.errors import TransientError, UserError
from adtech_assets.feed import landing, names, places, quarantine
from adtech_assets.feed.ledger import COUNTED, Entry, Ledger, ReadFile, SeenFile
from adtech_assets.feed.names import kind_of
from adtech_assets.feed.raw_tables import RAW_TABLES
from adtech_assets.feed.rejections import Rejection
from adtech_assets.feed.verdicts import Candidate, Duplicate, Facts, judge
from adtech_assets.partitions import today
from adtech_assets.stores import erasures
from adtech_assets.stores.warehouse import bound_cache, transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    import duckdb
    import polars as pl

    from adtech_assets.contract import Kind
    from adtech_assets.feed.conformance import Inspector
    from adtech_assets.feed.ledger import LedgerRow
    from adtech_assets.feed.names import LogFileName
    from adtech_assets.feed.place import LandedFile
    from adtech_assets.feed.reader import FileToRead, Reader
    from adtech_assets.partitions import DayRange
    from adtech_assets.settings import Settings

T = TypeVar("T")
R = TypeVar("R")

logger = logging.getLogger(__name__)

FORGOTTEN = (
    "its day was erased on purpose; to erase this file too: adtech forget; to load the day after "
    "all: adtech forget --take-back, then adtech logs retry"
)
FILES_GONE = Rejection(
    "files_gone",
    "other files of its day were deleted after they had been counted, so the day cannot be counted "
    "with this one; put them into the landing folder, then: adtech logs retry",
)


@dataclass
class Ingested:
    """What a run did with a kind's files."""

    loaded: int = 0
    rows: int = 0
    duplicates: list[str] = field(default_factory=list)
    quarantined: list[tuple[str, Rejection]] = field(default_factory=list)
    known: int = 0
    """Files that had been loaded before, delivered again or not yet taken away."""
    events_other_hour: int = 0
    """Loaded events that happened in another hour than their file's name says."""
    events_without_time: int = 0
    schemas: Counter[str] = field(default_factory=Counter)
    """Loaded files by the fingerprint of their schema; more than one: the feed's columns differ."""
    unsettled: list[str] = field(default_factory=list)
    """Files that may still be being written; a later run takes them."""
    outside: int = 0
    """Files of days before the start date."""
    changed_days: set[date] = field(default_factory=set)
    """Days of which files have been loaded."""


class Ingest:
    """One run over one kind's files."""

    def __init__(  # noqa: PLR0913 - a run over files depends on no less
        self,
        connection: duckdb.DuckDBPyConnection,
        settings: Settings,
        kind: Kind,
        days: DayRange,
        run_id: str,
        *,
        again: bool = False,
        hashed: Mapping[str, SeenFile] | None = None,
    ) -> None:
        """Work on a connection to the warehouse; nothing is read yet.

        Args:
            connection: to the warehouse.
            settings: name the folders and the feed.
            kind: of the files.
            days: of the files.
            run_id: to be noted of what is done.
            again: read loaded files once more of which a column of the feed has not been read.
            hashed: files by name that were hashed before the warehouse was taken.
        """
        self.connection = connection
        self.settings = settings
        self.kind = kind
        self.days = days
        self.run_id = run_id
        self.now = datetime.now(UTC).replace(tzinfo=None)
        self.feed = settings.feed
        Ledger.create(connection, self.feed)
        self.ledger = Ledger(connection)
        landing.remove_unfinished_quarantine(settings)
        self.next_file_id = max(self.ledger.next_file_id(), landing.last_folder_id(settings) + 1)
        self.hashed = hashed or {}
        self.rejected_contents: dict[str, Rejection] = {}
        outdated = self.ledger.outdated(self.feed, days) if again else []
        self.again = {row.file_name: row.file_id for row in outdated if row.kind == kind}
        """Loaded files to be read once more, with their ids."""
        self.uncountable = self.ledger.uncountable()
        self.forgotten = erasures.forgotten_days(settings)
        self.seen_objects: dict[tuple[str, str | None], SeenFile] = {}
        self.result = Ingested()

    def run(self) -> Ingested:
        """Take what can be taken.

        Raises:
            TransientError: a file changed while it was read; nothing of its batch is in.
            UserError: a file disappeared; nothing of its batch is in.
        """
        self._remember_quarantine()
        pending = self._candidates()
        while pending:
            pending = self._take(pending)
        return self.result

    def read_again(self, rows: Sequence[LedgerRow]) -> list[LedgerRow]:
        """Read counted files once more whose events are not in the raw table.

        Returns:
            Those that are neither in the landing folder nor in the archive, as they were counted.
        """
        self.again = {row.file_name: row.file_id for row in rows}
        found, gone = [], []
        for row in rows:
            candidate = self._counted(row)
            if candidate is None:
                gone.append(row)
                del self.again[row.file_name]
            else:
                found.append(candidate)
        self._take_in(found)
        return gone

    def _counted(self, row: LedgerRow) -> Candidate | None:
        """A counted file, where it lies now."""
        if row.file_date is None:
            raise ValueError(f"{row.file_name} has no day, so it cannot have been counted")
        archive = landing.archive_of(self.settings, row.kind, row.file_date)
        for place in (places.landing(self.settings), archive):
            with suppress(FileNotFoundError, Rejection):
                file = place.counted(place.look(row.file_name, row.kind), row)
                if file is not None:
                    return Candidate(file, place.fingerprint(file), self._claim(file))
        return None

    def _take(self, pending: list[Candidate]) -> list[Candidate]:
        """Load one file of each name, content and offsets; return those that wait for its fate."""
        new: list[Candidate] = []
        later: list[Candidate] = []
        for candidate, verdict in list(judge(pending, self._facts(pending))):
            match verdict:
                case "read" if self._is_too_late(candidate):
                    self._quarantine(candidate.file, candidate.seen, candidate.name, FILES_GONE)
                case "read":
                    new.append(candidate)
                case "later":
                    later.append(candidate)
                case "known":
                    self.result.known += 1
                    if candidate.name.day in self.uncountable:
                        self.ledger.mark_found(self.kind, candidate.file.name)
                case Duplicate(original):
                    self._record_duplicate(candidate, original)
                case Rejection():
                    self._quarantine(candidate.file, candidate.seen, candidate.name, verdict)
        self._take_in(new)
        return later

    def _take_in(self, new: Sequence[Candidate]) -> None:
        if not new:
            return
        # Imported here because its libraries take 0.3 s, and most runs have nothing to read.
        from adtech_assets.feed.conformance import Inspector  # noqa: PLC0415

        to_read = {self._take_file_id(): candidate for candidate in new}
        files = self._acceptable(to_read, Inspector(self.feed, self.kind))
        if self.settings.engine == "duckdb":
            self._read(files, to_read)
        else:
            self._promise(files, to_read)

    def _is_too_late(self, candidate: Candidate) -> bool:
        return candidate.name.day in self.uncountable and candidate.file.name not in self.again

    def _promise(self, files: Iterable[FileToRead], candidates: Mapping[int, Candidate]) -> None:
        """Note files as counted for what their footers promise; whoever counts them holds it."""
        read = {
            file.file_id: ReadFile(
                file.looked.rows,
                events_kept=False,
                missing_columns=file.looked.layout.missing,
                feed_columns=tuple(name for name, _ in file.looked.layout.types),
                schema_fingerprint=file.looked.schema_fingerprint,
            )
            for file in self._complete(files, candidates)
        }
        with transaction(self.connection):
            self._take_out(candidates[file_id] for file_id in read)
            self._record_loaded([(candidates[id_], id_, found) for id_, found in read.items()])
        self._count(read.values())

    def _complete(
        self, files: Iterable[FileToRead], candidates: Mapping[int, Candidate]
    ) -> Iterator[FileToRead]:
        """Those whose footer has as many rows as the name says."""
        for file in files:
            if file.looked.rows == file.promised_rows:
                yield file
            else:
                rejection = Rejection(
                    "incomplete",
                    f"{file.looked.rows} rows; its offsets promise {file.promised_rows}",
                )
                self._reject_content(candidates[file.file_id], file.file_id, rejection)

    def _read(self, files: Iterable[FileToRead], to_read: Mapping[int, Candidate]) -> None:
        """Read files into the raw table, batch by batch."""
        from adtech_assets.feed import reader  # noqa: PLC0415 - as above

        into = reader.Reader(self.connection, self.feed, self.settings.zone)
        done = 0
        for batch, events in reader.read_ahead(reader.batches(files)):
            self._load(into, [(file, to_read[file.file_id]) for file in batch], events)
            # Or closing would merge the rows of all batches at once: 600 MB for 100 million events.
            self.connection.execute("CHECKPOINT")
            bound_cache(self.connection)
            done += len(batch)
            if len(batch) < len(to_read):
                logger.info("%s of %s %s files read", f"{done:,}", f"{len(to_read):,}", self.kind)

    # ---- which files ---------------------------------------------------------------------------

    def _candidates(self) -> list[Candidate]:
        """Finished files of the days, hashed; those that can never be counted are refused."""
        place = places.landing(self.settings)
        landed = landing.scan(place, self.feed)
        mine = [file for file in landed if file.kind == self.kind and self._is_mine(file)]
        if self.settings.processed_files == "delete" and mine:
            place.check_deletable(mine[0])
        settled, unsettled = landing.wait_until_settled(place, mine, self.settings.settle_seconds)
        self.result.unsettled = [landing.shown_name(file.name) for file in unsettled]
        archived = landing.archived_files(self.settings, self.kind, self.days)
        candidates = []
        self.seen_objects = self._seen_objects(settled)
        found = [*self._unknown(chain.from_iterable(archived.values())), *settled]
        for file, outcome in zip(
            found, _each(self._candidate, found, _at_once(found)), strict=True
        ):
            if isinstance(outcome, Candidate):
                candidates.append(outcome)
            else:
                self._reject(file, *outcome)
        return candidates

    def _candidate(self, file: LandedFile) -> Candidate | tuple[LogFileName | None, Rejection]:
        """The file, hashed; or why it can never be counted, and its name as far as it is one."""
        name = None
        try:
            name = self._claim(file)
            self._refuse_forgotten(name)
            seen = self.seen_objects.get((file.name, file.etag)) or self._hashed_ahead(file)
            seen = seen or file.place.fingerprint(file)
            return Candidate(file, seen, name)
        except Rejection as rejection:
            return name, rejection
        except FileNotFoundError:
            raise _disappeared(file) from None

    def _refuse_forgotten(self, name: LogFileName) -> None:
        if name.day in self.forgotten:
            raise Rejection("forgotten_day", FORGOTTEN)

    def _hashed_ahead(self, file: LandedFile) -> SeenFile | None:
        """What was hashed before the warehouse was taken, if it is what lies there now."""
        seen = self.hashed.get(file.name)
        with suppress(FileNotFoundError):
            if (
                seen is not None
                and seen.object_etag == file.etag
                and file.place.is_still(file, seen)
            ):
                return seen
        return None

    def _seen_objects(self, settled: list[LandedFile]) -> dict[tuple[str, str | None], SeenFile]:
        """Objects of a bucket that have been read and counted, by name and etag.

        Where none of them leaves the landing folder, each run would copy and hash all of them.
        """
        names = [file.name for file in settled if file.etag and file.name not in self.again]
        return {
            (row.file_name, row.object_etag): SeenFile(
                row.kind, row.file_name, row.sha256, row.bytes, row.modified_ns
            )
            for row in (self.ledger.counted_of(names) if names else ())
            if row.kind == self.kind and row.object_etag
        }

    def _is_mine(self, file: LandedFile) -> bool:
        """Whether the file is of these days, or of none at all."""
        try:
            day = self._claim(file).day
        except Rejection:
            return True
        if day not in self.days and day < self.settings.start_date:
            self.result.outside += 1
        return day in self.days

    def _claim(self, file: LandedFile) -> LogFileName:
        if landing.shown_name(file.name) != file.name:
            raise Rejection("unusable_name", "the name is not printable text")
        return names.parse(self.feed, file.name, today(self.settings.zone))

    def _unknown(self, archived: Iterable[LandedFile]) -> list[LandedFile]:
        """Archived files that the ledger does not know: the warehouse was lost since."""
        known = {
            row.file_name
            for row in self.ledger.of_days(self.days)
            if row.kind == self.kind and row.status in COUNTED
        }
        return [file for file in archived if file.name not in known - self.again.keys()]

    def _facts(self, candidates: Sequence[Candidate]) -> Facts:
        """What the ledger knows of these names, contents and offsets; but for files read again."""
        rows = self._known([candidate.seen for candidate in candidates])
        ranges = [c.name.offsets for c in candidates if c.name.offsets is not None]
        counted = self.ledger.loaded_offsets(
            self.kind,
            min((offsets.first for offsets in ranges), default=0),
            max((offsets.last for offsets in ranges), default=-1),
        )
        return Facts(
            hash_of={row.file_name: row.sha256 for row in rows if row.status in COUNTED},
            name_of={
                row.sha256: row.file_name for row in rows if row.status == "loaded" and row.sha256
            },
            rejected=self.rejected_contents,
            offsets=[each for each in counted if each[-1] not in self.again],
            refuses_overlaps=self.settings.refuse_offset_overlaps,
        )

    def _known(self, files: Sequence[SeenFile]) -> list[LedgerRow]:
        names, hashes = [f.file_name for f in files], [f.sha256 or "" for f in files]
        rows = self.ledger.find(self.kind, names, hashes)
        return [row for row in rows if row.file_id not in self.again.values()]

    def _acceptable(
        self, to_read: dict[int, Candidate], inspector: Inspector
    ) -> Iterator[FileToRead]:
        """The files that keep the contract, as far as can be known before anything is decoded."""
        from adtech_assets.feed.reader import FileToRead  # noqa: PLC0415 - as above

        for file_id, candidate in to_read.items():
            path = candidate.file.path
            try:
                looked = inspector.look(path)
            except Rejection as rejection:
                self._reject_content(candidate, file_id, rejection)
            except FileNotFoundError:
                raise _disappeared(candidate.file) from None
            else:
                yield FileToRead(file_id, path, candidate.seen.bytes, candidate.name, looked)

    # ---- what becomes of them ------------------------------------------------------------------

    def _load(
        self,
        into: Reader,
        batch: list[tuple[FileToRead, Candidate]],
        events: Future[pl.DataFrame] | None,
    ) -> None:
        """Read a batch in one transaction with its ledger rows, or its files one by one."""
        from adtech_assets.feed.reader import BatchNotReadError  # noqa: PLC0415 - as above

        try:
            with transaction(self.connection):
                self._take_out(candidate for _, candidate in batch)
                read = into.append_batch([file for file, _ in batch], events)
                self._record_loaded([(c, file.file_id, read[file.file_id]) for file, c in batch])
        except BatchNotReadError:
            for file, candidate in batch:
                self._load_one(into, file, candidate)
        except FileNotFoundError:
            gone = next((c.file for _, c in batch if not c.file.path.exists()), batch[0][1].file)
            raise _disappeared(gone) from None
        else:
            self._count(read.values())

    def _load_one(self, into: Reader, file: FileToRead, candidate: Candidate) -> None:
        try:
            with transaction(self.connection):
                self._take_out([candidate])
                read = into.append_one(file)
                self._record_loaded([(candidate, file.file_id, read)])
        except Rejection as rejection:
            self._reject_content(candidate, file.file_id, rejection)
        except FileNotFoundError:
            raise _disappeared(candidate.file) from None
        else:
            self._count([read])

    def _take_out(self, candidates: Iterable[Candidate]) -> None:
        """Remove the events of files that are read once more."""
        ids = [self.again[c.file.name] for c in candidates if c.file.name in self.again]
        if ids:
            table = RAW_TABLES[self.kind]
            self.connection.execute(f"DELETE FROM {table} WHERE file_id IN ?", [ids])

    def _reject_content(self, candidate: Candidate, file_id: int, raised: Rejection) -> None:
        """Quarantine a file for what is in it, and remember that; unless it has changed since."""
        self._check_is_still(candidate)
        # Without its trace, which would keep every refused file's footer in memory.
        rejection = Rejection(raised.reason, raised.detail)
        if self.again.pop(candidate.file.name, None):
            logger.warning(
                "%s cannot be read again (%s), so its events stay as they are",
                candidate.file.name,
                rejection.detail,
            )
            return
        if rejection.reason != "incomplete":  # which depends on the name too
            self.rejected_contents[candidate.seen.sha256 or ""] = rejection
        self._quarantine(candidate.file, candidate.seen, candidate.name, rejection, file_id)

    def _record_loaded(self, loaded: list[tuple[Candidate, int, ReadFile]]) -> None:
        """Write the ledger rows, after a last look: what was read must be what was hashed."""
        for candidate, _, _ in loaded:
            self._check_is_still(candidate)
        entries = [Entry(file_id, c.seen, c.name, read) for c, file_id, read in loaded]
        self.ledger.record(entries, run_id=self.run_id, now=self.now)
        for candidate, _, _ in loaded:
            self.again.pop(candidate.file.name, None)
        self.result.schemas.update(read.schema_fingerprint for _, _, read in loaded)
        self.result.changed_days.update(candidate.name.day for candidate, _, _ in loaded)

    @staticmethod
    def _check_is_still(candidate: Candidate) -> None:
        """Whether a file is the very one that was hashed."""
        try:
            is_still = candidate.file.place.is_still(candidate.file, candidate.seen)
        except FileNotFoundError:
            raise _disappeared(candidate.file) from None
        if not is_still:
            raise TransientError(f"{candidate.file.name} changed while it was read.")

    def _count(self, read: Iterable[ReadFile]) -> None:
        for file in read:
            self.result.loaded += 1
            self.result.rows += file.rows
            self.result.events_other_hour += file.events_other_hour or 0
            self.result.events_without_time += file.events_without_time or 0

    def _record_duplicate(self, candidate: Candidate, original: str) -> None:
        entry = Entry(
            self._take_file_id(),
            candidate.seen,
            candidate.name,
            "duplicate",
            detail=f"same bytes as {original}",
        )
        with transaction(self.connection):
            self.ledger.record([entry], run_id=self.run_id, now=self.now)
        self.result.duplicates.append(candidate.file.name)

    def _remember_quarantine(self) -> None:
        """Note refused files again that the ledger does not know: the warehouse was lost since."""
        # Of equal files the newest: the ledger has one row for them.
        entries: dict[tuple[str, str | None], Entry] = {}
        for found in quarantine.unknown_files(self.connection, self.settings):
            rejection, number = quarantine.reason(found), found.number
            kind = kind_of(self.feed, found.name)
            if kind != self.kind or rejection is None or not number.isdecimal():
                continue
            name = None
            with suppress(Rejection):
                name = self._claim(found.file)
            seen = _seen(found.file)
            entries[seen.file_name, seen.sha256] = Entry(int(number), seen, name, rejection)
        with transaction(self.connection):
            self.ledger.record(list(entries.values()), run_id=self.run_id, now=self.now)

    def _reject(self, file: LandedFile, name: LogFileName | None, rejection: Rejection) -> None:
        """Quarantine a file that never became a candidate."""
        seen = _seen(file)
        if any(
            (row.file_name, row.sha256) == (seen.file_name, seen.sha256) and row.status in COUNTED
            for row in self._known([seen])
        ):
            self.result.known += 1  # loaded before the clock went back behind its date
        else:
            self._quarantine(file, seen, name, rejection)

    def _quarantine(
        self,
        file: LandedFile,
        seen: SeenFile,
        name: LogFileName | None,
        rejection: Rejection,
        file_id: int | None = None,
    ) -> None:
        """Note the rejection, then move the file: a kill in between is mended by the next run."""
        file_id = file_id or self._take_file_id()
        with transaction(self.connection):
            self.ledger.record(
                [Entry(file_id, seen, name, rejection)], run_id=self.run_id, now=self.now
            )
        try:
            landing.quarantine(self.settings, file, rejection, file_id)
        except FileNotFoundError:
            raise _disappeared(file) from None
        self.result.quarantined.append((seen.file_name, rejection))

    def _take_file_id(self) -> int:
        self.next_file_id += 1
        return self.next_file_id - 1


def hash_ahead(settings: Settings, kind: Kind, days: DayRange) -> dict[str, SeenFile]:
    """Hash the files of days without the warehouse, for an `Ingest` that then holds it shortly.

    What cannot be hashed now is left to it, and so is every judgement.
    """

    def seen(file: LandedFile) -> SeenFile | None:
        try:
            is_of_days = names.parse(settings.feed, file.name, today(settings.zone)).day in days
            return file.place.fingerprint(file) if is_of_days else None
        except (Rejection, TransientError, OSError):
            return None

    place = places.landing(settings)
    mine = [file for file in landing.scan(place, settings.feed) if file.kind == kind]
    settled, _ = landing.wait_until_settled(place, mine, settings.settle_seconds)
    hashed = _each(seen, settled, _at_once(settled))
    return {found.file_name: found for found in hashed if found is not None}


def _at_once(found: list[LandedFile]) -> int:
    """As many as there are processors; of a bucket more, for it takes its time to answer."""
    is_remote = any(file.etag for file in found)
    return places.OBJECTS_AT_ONCE if is_remote else os.cpu_count() or 1


def _each(function: Callable[[T], R], items: Sequence[T], at_once: int) -> Iterator[R]:
    """What a function makes of each item, in order, of some at once.

    For work that waits for the disk or hashes, during which Python lets other threads run.
    """
    share = min(64, -(-len(items) // at_once)) or 1
    shares = (items[at : at + share] for at in range(0, len(items), share))
    with ThreadPoolExecutor(at_once, "hash") as pool:
        for results in pool.map(lambda some: [function(item) for item in some], shares):
            yield from results


def _seen(file: LandedFile) -> SeenFile:
    """A file that is not counted; hashed if that is possible."""
    try:
        digest = file.place.fingerprint(file).sha256
    except (Rejection, TransientError, OSError):
        digest = None
    name = landing.shown_name(file.name)
    return SeenFile(file.kind, name, digest, file.bytes, file.modified_ns)


def _disappeared(file: LandedFile) -> UserError:
    # Not transient: a second try would not see the file, and the day would look complete.
    return UserError(
        f"{file.name} disappeared while it was being read, so it is not counted. "
        "Find out who took it, deliver it again, and run the day again."
    )
