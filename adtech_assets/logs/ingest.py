"""Takes a kind's log files of some days into the warehouse, each counted once.

Every run looks at the whole landing folder. Files of its days are read, or refused; files of other
days stay; files that no day can claim go to quarantine. Archived files that the ledger does not
know are read again, which is how a lost warehouse comes back.
"""

from __future__ import annotations

from bisect import bisect, insort
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from adtech_assets.errors import TransientError, UserError
from adtech_assets.logs import landing, names, reader
from adtech_assets.logs.ledger import Entry, Ledger, SeenFile
from adtech_assets.logs.refusals import Refusal
from adtech_assets.partitions import today
from adtech_assets.stores.warehouse import transaction

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb

    from adtech_assets.logs.landing import LandedFile
    from adtech_assets.logs.ledger import LedgerRow
    from adtech_assets.logs.names import Kind, LogFileName
    from adtech_assets.partitions import DayRange
    from adtech_assets.settings import Settings


@dataclass
class Ingested:
    """What a run did with a kind's files."""

    loaded: int = 0
    rows: int = 0
    duplicates: list[str] = field(default_factory=list)
    quarantined: list[tuple[str, Refusal]] = field(default_factory=list)
    known: int = 0
    """Files that had been loaded before, delivered again or not yet taken away."""
    unsettled: list[str] = field(default_factory=list)
    """Files that may still be being written; a later run takes them."""
    outside: int = 0
    """Files of days before the start date."""


@dataclass(frozen=True)
class _Candidate:
    file: LandedFile
    seen: SeenFile
    name: LogFileName


class Ingest:
    """One run over one kind's files."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        settings: Settings,
        kind: Kind,
        days: DayRange,
        run_id: str,
    ) -> None:
        """Work on a connection to the warehouse; nothing is read yet."""
        self.connection = connection
        self.settings = settings
        self.kind = kind
        self.days = days
        self.run_id = run_id
        self.now = datetime.now(UTC).replace(tzinfo=None)
        Ledger.create(connection)
        self.ledger = Ledger(connection)
        self.next_file_id = self.ledger.next_file_id()
        self.result = Ingested()

    def run(self) -> Ingested:
        """Take what can be taken.

        Raises:
            TransientError: a file changed while it was read; nothing of its batch is in.
            UserError: a file disappeared; nothing of its batch is in.
        """
        pending = self._candidates()
        while pending:
            pending = self._take(pending)
        return self.result

    def _take(self, pending: list[_Candidate]) -> list[_Candidate]:
        """Load one file of each content; return the others, duplicates if it could be loaded."""
        known_names, known_hashes = self._look_up(pending)
        new: dict[str | None, _Candidate] = {}
        later: list[_Candidate] = []
        for candidate in pending:
            if not self._is_new(candidate, known_names, known_hashes):
                continue
            if candidate.seen.sha256 in new:
                later.append(candidate)
            else:
                new[candidate.seen.sha256] = candidate
        to_read = {self._take_file_id(): c for c in self._without_overlaps(list(new.values()))}
        files = [
            reader.FileToRead(file_id, c.file.path, c.seen.bytes, c.name)
            for file_id, c in to_read.items()
        ]
        for batch in reader.batches(files):
            self._load([(file, to_read[file.file_id]) for file in batch])
        return later

    # ---- which files ---------------------------------------------------------------------------

    def _candidates(self) -> list[_Candidate]:
        """Finished files of the days, hashed; those that can never be counted are refused."""
        landed = [f for f in landing.scan(self.settings.raw_data_dir) if f.kind == self.kind]
        claimed: dict[str, LogFileName] = {}
        mine: list[LandedFile] = []
        refused: list[tuple[LandedFile, Refusal]] = []
        for file in landed:
            try:
                claimed[file.name] = self._claim(file)
            except Refusal as refusal:
                refused.append((file, refusal))
                continue
            if claimed[file.name].day in self.days:
                mine.append(file)
            elif claimed[file.name].day < self.settings.start_date:
                self.result.outside += 1
        settled, unsettled = landing.wait_until_settled(mine, self.settings.settle_seconds)
        self.result.unsettled = [file.name for file in unsettled]

        archived = landing.archived_files(self.settings, self.kind, self.days)
        for file in archived:
            claimed[file.name] = self._claim(file)

        candidates = []
        for file in [*self._unknown(archived), *settled]:
            try:
                candidates.append(_Candidate(file, landing.fingerprint(file), claimed[file.name]))
            except Refusal as refusal:
                refused.append((file, refusal))
            except FileNotFoundError:
                raise _disappeared(file) from None
        for file, refusal in refused:
            self._quarantine(file, None, claimed.get(file.name), refusal)
        return candidates

    def _claim(self, file: LandedFile) -> LogFileName:
        if landing.shown_name(file.name) != file.name:
            raise Refusal("unusable_name", "the name is not text")
        return names.parse(file.name, today(self.settings.zone))

    def _unknown(self, archived: list[LandedFile]) -> list[LandedFile]:
        """Archived files that the ledger does not know: the warehouse was lost since."""
        known = {row.file_name for row in self.ledger.of_days(self.days) if row.kind == self.kind}
        return [file for file in archived if file.name not in known]

    def _look_up(
        self, candidates: list[_Candidate]
    ) -> tuple[dict[str, LedgerRow], dict[str, LedgerRow]]:
        """What the ledger counts (or knows as a duplicate) by name, and by content."""
        rows = self.ledger.find(
            self.kind,
            [candidate.file.name for candidate in candidates],
            [candidate.seen.sha256 or "" for candidate in candidates],
        )
        by_name = {row.file_name: row for row in rows if row.status in ("loaded", "duplicate")}
        by_hash = {row.sha256: row for row in rows if row.status == "loaded" and row.sha256}
        return by_name, by_hash

    def _is_new(
        self,
        candidate: _Candidate,
        known_names: dict[str, LedgerRow],
        known_hashes: dict[str, LedgerRow],
    ) -> bool:
        """Whether a file is to be read; what is known, a duplicate or a conflict is not."""
        name, digest = candidate.file.name, candidate.seen.sha256 or ""
        same_name = known_names.get(name)
        if same_name is not None and same_name.sha256 == digest:
            self.result.known += 1
        elif same_name is not None:
            self._quarantine(
                candidate.file,
                candidate.seen,
                candidate.name,
                Refusal(
                    "conflict",
                    "a file of this name but with other bytes is loaded; "
                    f"to count this one instead: adtech logs replace {name}",
                ),
            )
        elif digest in known_hashes:
            self._record_duplicate(candidate, known_hashes[digest].file_name)
        else:
            return True
        return False

    def _without_overlaps(self, candidates: list[_Candidate]) -> list[_Candidate]:
        """Drop files whose offsets another file of the feed's partition has delivered already."""
        with_offsets = [c.name.offsets for c in candidates if c.name.offsets is not None]
        if not with_offsets:
            return candidates
        taken: dict[int, list[tuple[int, int, str]]] = defaultdict(list)
        for partition, *offsets in self.ledger.loaded_offsets(
            self.kind, min(o.first for o in with_offsets), max(o.last for o in with_offsets)
        ):
            insort(taken[partition], tuple(offsets))
        kept = []
        for candidate in candidates:
            offsets = candidate.name.offsets
            if offsets is not None:
                ranges = taken[offsets.partition]
                # Ranges in `taken` do not overlap, so only the two neighbours can.
                place = bisect(ranges, (offsets.first,))
                neighbours = ranges[max(place - 1, 0) : place + 1]
                other = next(
                    (
                        name
                        for first, last, name in neighbours
                        if first <= offsets.last and offsets.first <= last
                    ),
                    None,
                )
                if other is not None:
                    refusal = Refusal("offset_overlap", f"its offsets overlap those of {other}")
                    self._quarantine(candidate.file, candidate.seen, candidate.name, refusal)
                    continue
                ranges.insert(place, (offsets.first, offsets.last, candidate.file.name))
            kept.append(candidate)
        return kept

    # ---- what becomes of them ------------------------------------------------------------------

    def _load(self, batch: list[tuple[reader.FileToRead, _Candidate]]) -> None:
        """Read a batch in one transaction with its ledger rows, or its files one by one."""
        try:
            with transaction(self.connection):
                read = reader.append_batch(
                    self.connection, [file for file, _ in batch], self.settings.zone
                )
                self._record_loaded([(c, file.file_id, read[file.file_id]) for file, c in batch])
        except reader.BatchNotReadError:
            for file, candidate in batch:
                self._load_one(file, candidate)
        except FileNotFoundError:
            gone = next((c.file for _, c in batch if not c.file.path.exists()), batch[0][1].file)
            raise _disappeared(gone) from None
        else:
            self._count(read.values())

    def _load_one(self, file: reader.FileToRead, candidate: _Candidate) -> None:
        try:
            with transaction(self.connection):
                read = reader.append_one(self.connection, file, self.settings.zone)
                self._record_loaded([(candidate, file.file_id, read)])
        except Refusal as refusal:
            self._quarantine(candidate.file, candidate.seen, candidate.name, refusal, file.file_id)
        except FileNotFoundError:
            raise _disappeared(candidate.file) from None
        else:
            self._count([read])

    def _record_loaded(self, loaded: list[tuple[_Candidate, int, reader.ReadFile]]) -> None:
        """Write the ledger rows, after a last look: what was read must be what was hashed."""
        for candidate, _, _ in loaded:
            if not landing.is_still(candidate.file, candidate.seen):
                raise TransientError(f"{candidate.file.name} changed while it was read.")
        self.ledger.record(
            [Entry(file_id, c.seen, c.name, read) for c, file_id, read in loaded],
            run_id=self.run_id,
            now=self.now,
        )

    def _count(self, read: Iterable[reader.ReadFile]) -> None:
        for file in read:
            self.result.loaded += 1
            self.result.rows += file.rows

    def _record_duplicate(self, candidate: _Candidate, original: str) -> None:
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

    def _quarantine(
        self,
        file: LandedFile,
        seen: SeenFile | None,
        name: LogFileName | None,
        refusal: Refusal,
        file_id: int | None = None,
    ) -> None:
        """Note the refusal, then move the file: a kill in between is mended by the next run."""
        file_id = file_id or self._take_file_id()
        shown = landing.shown_name(file.name)
        seen = seen or SeenFile(
            file.kind, shown, _hash_if_possible(file), file.bytes, file.modified_ns
        )
        with transaction(self.connection):
            self.ledger.record(
                [Entry(file_id, seen, name, refusal)], run_id=self.run_id, now=self.now
            )
        landing.quarantine(self.settings, file, refusal, file_id)
        self.result.quarantined.append((shown, refusal))

    def _take_file_id(self) -> int:
        self.next_file_id += 1
        return self.next_file_id - 1


def _hash_if_possible(file: LandedFile) -> str | None:
    try:
        return landing.fingerprint(file).sha256
    except (Refusal, TransientError, OSError):
        return None


def _disappeared(file: LandedFile) -> UserError:
    # Not transient: a second try would not see the file, and the day would look complete.
    return UserError(
        f"{file.name} disappeared while it was being read, so it is not counted. "
        "Find out who took it, deliver it again, and run the day again."
    )
