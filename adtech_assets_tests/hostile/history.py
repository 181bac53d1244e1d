"""The rules of the log branch in plain Python: what must come of deliveries, repairs and runs.

No store, no step, no file: a few dictionaries. `test_any_history.py` holds them against the stores.
"""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from adtech_assets.contract import KINDS
from adtech_assets.feed.names import kind_of
from adtech_assets_tests.sample_feed import SAMPLE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from adtech_assets.contract import Kind
    from adtech_assets.feed.ledger import Status
    from adtech_assets.partitions import DayRange


class Content(NamedTuple):
    """The bytes of a file, by what they mean."""

    kind: Kind | None
    """None: nobody can read it."""
    agents: tuple[str | None, ...]
    """The user agent of each event."""


class Hour(NamedTuple):
    """An hour of a day, as the names of files give it."""

    day: date
    hour: int


def hour_of(name: str) -> Hour:
    """Names here end in _YYYYMMDDHH.parquet."""
    digits = name.removesuffix(".parquet")[-10:]
    return Hour(date.fromisoformat(digits[:8]), int(digits[8:]))


class MistakeError(Exception):
    """What was asked for cannot be done."""


@dataclass
class History:
    """Where each delivered file is, what became of it, and what is served."""

    landing: dict[str, Content] = field(default_factory=dict)
    ledger: dict[tuple[str, Content], Status] = field(default_factory=dict)
    archive: dict[tuple[Status, str], Content] = field(default_factory=dict)
    quarantine: dict[str, list[Content]] = field(default_factory=dict)
    """By name, the newest last."""
    rollup: Counter[tuple[Hour, str | None, Kind]] = field(default_factory=Counter)
    csv: dict[date, Counter[tuple[Hour, Kind]]] = field(default_factory=dict)
    table: Counter[tuple[Hour, Kind]] = field(default_factory=Counter)
    audit: dict[date, int] = field(default_factory=dict)
    """Number of files, of the days that have been loaded from any."""

    def copy(self) -> Self:
        return deepcopy(self)

    def files(self, *statuses: Status) -> Iterator[tuple[str, Content]]:
        """Name and content of the files of some status."""
        return (file for file, status in self.ledger.items() if status in statuses)

    def counted(self, name: str) -> Content | None:
        """What is counted of a name, as its own or as another's."""
        return next((c for n, c in self.files("loaded", "duplicate") if n == name), None)

    def is_loaded(self, content: Content) -> bool:
        return any(loaded == content for _, loaded in self.files("loaded"))

    def events(self) -> Counter[tuple[Hour, str | None, Kind]]:
        """Every event that counts, as often as it happened."""
        return Counter(
            (hour_of(name), agent, content.kind)
            for name, content in self.files("loaded")
            for agent in content.agents
        )

    # ---- a run ---------------------------------------------------------------------------------

    def run(self, days: DayRange) -> None:
        """Load days.

        Raises:
            MistakeError: a day would lose files; all are counted, but not loaded nor archived.
        """
        self._read(days)
        _replace(self.rollup, self.events(), days)
        counts: Counter[tuple[Hour, Kind]] = Counter()
        for (at, _, kind), count in self.rollup.items():
            counts[at, kind] += count
        files = Counter(hour_of(name).day for name, _ in self.files("loaded"))
        for day in days:
            if day in files:
                self.csv[day] = Counter({key: n for key, n in counts.items() if key[0].day == day})
        if any(files[day] < self.audit.get(day, 0) for day in days):
            raise MistakeError
        _replace(self.table, counts, days)
        for day in days:
            if day in files:
                self.audit[day] = files[day]
        for name, content in list(self.landing.items()):
            day, status = hour_of(name).day, self.ledger.get((name, content))
            # A day of nothing but duplicates waits for no load, whatever run has found them.
            if day in days or (status == "duplicate" and day not in files):
                del self.landing[name]
                self.archive[self.ledger[name, content], name] = content

    def _read(self, days: DayRange) -> None:
        for kind in KINDS:
            for name in sorted(self.landing):
                if kind_of(SAMPLE, name) == kind and hour_of(name).day in days:
                    self._judge(kind, name, self.landing[name])

    def _judge(self, kind: Kind, name: str, content: Content) -> None:
        counted = self.counted(name)
        if counted == content:
            return
        if counted is not None or content.kind != kind:
            self.ledger[name, content] = "quarantined"
            self.quarantine.setdefault(name, []).append(content)
            del self.landing[name]
        elif self.is_loaded(content):
            self.ledger[name, content] = "duplicate"
        else:
            self.ledger[name, content] = "loaded"
            for file in list(self.files("quarantined")):
                if file[0] == name:
                    self.ledger[file] = "replaced"

    # ---- a person ------------------------------------------------------------------------------

    def retry(self) -> None:
        """Put the newest refused file of each name back, where its place is free."""
        for name in list(self.quarantine):
            if name not in self.landing:
                self._put_back(name)

    def replace(self, name: str) -> None:
        """Let the newest refused file of a name take the place of the counted one.

        What was a duplicate of that one is to be counted now.

        Raises:
            MistakeError: there is none, or it would not be counted.
        """
        new = self.quarantine[name][-1] if name in self.quarantine else None
        old = self.counted(name)
        if new is None or old is None or new.kind != kind_of(SAMPLE, name) or self.is_loaded(new):
            raise MistakeError
        again = [
            duplicate
            for duplicate, content in self.files("duplicate")
            if content == old and self.ledger[name, old] == "loaded"
        ]
        if any(self.landing.get(place, old) != old for place in (name, *again)):
            raise MistakeError  # yet another file
        self.landing.pop(name, None)
        self.archive.pop((self.ledger[name, old], name), None)
        self.ledger[name, old] = "replaced"
        for duplicate in again:
            self.archive.pop(("duplicate", duplicate), None)
            self.ledger[duplicate, old] = "replaced"
            self.landing[duplicate] = old
        self._put_back(name)

    def _put_back(self, name: str) -> None:
        self.landing[name] = self.quarantine[name].pop()
        if not self.quarantine[name]:
            del self.quarantine[name]


def _replace(counts: Counter, by: Counter, days: DayRange) -> None:
    """Replace the counts of some days; the first part of a key is its hour."""
    for key in [key for key in counts if key[0].day in days]:
        del counts[key]
    counts.update({key: count for key, count in by.items() if key[0].day in days})
