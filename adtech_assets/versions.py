"""What is in the warehouse, as versions: of raw inputs by day, and of all that is built from them.

A raw input's version of a day changes with its rows, in the same transaction. What is built from
inputs has as its version a digest of its code and of its inputs' versions, noted once it is built.
So a day is stale exactly when the version that it should have is not the one that is noted, whoever
changed what, and whichever run failed in between.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    import duckdb

By = Literal["day", "change", "whole"]
Day = date | None
"""None: the rows that have no day, and the one version of what is not built by day."""

SCHEMA = """
CREATE SCHEMA IF NOT EXISTS state;
CREATE TABLE IF NOT EXISTS state.versions (
    part VARCHAR NOT NULL,
    day DATE,
    version VARCHAR NOT NULL,
    noted_at TIMESTAMP NOT NULL,
    run_id VARCHAR NOT NULL
);
CREATE TABLE IF NOT EXISTS state.verdicts (
    check_id VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    failures BIGINT,
    noted_at TIMESTAMP NOT NULL
);
"""


def digest(*values: object) -> str:
    """64 bits of a hash of some values as text, in hexadecimal; None differs from every text."""
    # As Python writes them: no text can look like two, nor like None.
    text = repr([None if value is None else str(value) for value in values])
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


_OF_DAYS = "(day IN (SELECT unnest($days::DATE[])) OR ($undated AND day IS NULL))"


@dataclass(frozen=True)
class Verdict:
    """What a check said last."""

    status: str
    failures: int | None
    at: datetime
    """Naive UTC."""


class Notes:
    """Reads and writes `state.versions` on a connection; transactions are the caller's."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Use a connection to the warehouse."""
        self._connection = connection

    @staticmethod
    def create(connection: duckdb.DuckDBPyConnection) -> None:
        """Make the table if it is not there."""
        connection.execute(SCHEMA)

    @staticmethod
    def exist(connection: duckdb.DuckDBPyConnection) -> bool:
        """Whether the table is there: not in a warehouse of the version before."""
        query = (
            "SELECT 1 FROM duckdb_tables() WHERE schema_name = 'state' AND table_name = 'versions'"
        )
        return connection.execute(query).fetchone() is not None

    def of(self, part: str, days: Iterable[Day] | None = None) -> dict[Day, str]:
        """The noted versions of a part by day: of some days, or of all."""
        query, parameters = "SELECT day, version FROM state.versions WHERE part = $part", {}
        if days is not None:
            query, parameters = f"{query} AND {_OF_DAYS}", _days(days)
        return dict(self._connection.execute(query, {"part": part, **parameters}).fetchall())

    def noted_at(self, part: str, days: Iterable[Day]) -> dict[Day, datetime]:
        """When the versions of some days were noted (naive UTC)."""
        query = f"SELECT day, noted_at FROM state.versions WHERE part = $part AND {_OF_DAYS}"
        rows = self._connection.execute(query, {"part": part, **_days(days)}).fetchall()
        return dict(rows)

    def noted_in(self, part: str, run_id: str) -> set[Day]:
        """The days whose versions a run has noted."""
        query = "SELECT day FROM state.versions WHERE part = ? AND run_id = ?"
        return {day for (day,) in self._connection.execute(query, [part, run_id]).fetchall()}

    def note(self, part: str, versions: Mapping[Day, str | None], run_id: str) -> set[Day]:
        """Set the versions of some days; None takes a day's version away.

        Days whose version stays are left as they are, with the time at which it was noted.

        Returns:
            The days whose version has changed.
        """
        noted = self.of(part, versions)
        changed = {day: new for day, new in versions.items() if noted.get(day) != new}
        if not changed:
            return set()
        self.forget(part, changed)
        kept = {day: version for day, version in changed.items() if version is not None}
        if kept:
            self._connection.execute(
                "INSERT INTO state.versions "
                "SELECT $part, unnest($days::DATE[]), unnest($versions::VARCHAR[]), $now, $run_id",
                {
                    "part": part,
                    "days": list(kept),
                    "versions": list(kept.values()),
                    "now": datetime.now(UTC).replace(tzinfo=None),
                    "run_id": run_id,
                },
            )
        return set(changed)

    def verdict(self, check: str) -> Verdict | None:
        """What a check said last."""
        row = self._connection.execute(
            "SELECT status, failures, noted_at FROM state.verdicts WHERE check_id = ?", [check]
        ).fetchone()
        return Verdict(*row) if row else None

    def note_verdict(self, check: str, status: str, failures: int | None) -> None:
        """Note what a check says now."""
        self._connection.execute("DELETE FROM state.verdicts WHERE check_id = ?", [check])
        now = datetime.now(UTC).replace(tzinfo=None)
        self._connection.execute(
            "INSERT INTO state.verdicts VALUES (?, ?, ?, ?)", [check, status, failures, now]
        )

    def forget(self, part: str, days: Iterable[Day]) -> None:
        """Take versions away before what they stand for is changed: a kill leaves it stale."""
        self._connection.execute(
            f"DELETE FROM state.versions WHERE part = $part AND {_OF_DAYS}",
            {"part": part, **_days(days)},
        )


@dataclass(frozen=True)
class Input:
    """What a part is built from."""

    part: str
    days_around: int = 0
    """A day is built from so many days of the input before and after it too."""
    as_of_day: bool = False
    """Of an input that is noted when it changes: a day depends on what was known when it ended."""
    undated: bool = False
    """Of an input that is not by day: it is nothing to a day, only to the rows without one."""


@dataclass(frozen=True)
class Part:
    """Something with versions: a raw input, a model, a table of the target, a file."""

    name: str
    by: By
    """`day`: a version for each day. `change`: one for each day on which an extraction found it
    changed, in force until the next, or for each month that was closed. `whole`: a single one."""
    inputs: tuple[Input, ...] = ()
    """None: its versions are noted by who loads it."""
    code: str = ""
    """Digest of what decides its rows beside the inputs: SQL, columns, settings."""
    is_view: bool = False
    """It has no rows of its own, so its versions are its inputs'; what is noted is its code."""
    audits: str | None = None
    """The part that this is a check of, noted once it has passed: what others are to see waits."""


class Parts:
    """The parts of the pipeline with the versions that they have, and those they should have."""

    def __init__(self, parts: Iterable[Part], noted: Callable[[str], Mapping[Day, str]]) -> None:
        """Take the parts, and what tells the noted versions of one; it is asked when needed."""
        self._parts = {part.name: part for part in parts}
        self._read = noted
        self._noted: dict[str, dict[Day, str]] = {}
        self._versions: dict[str, _Versions] = {}

    def __iter__(self) -> Iterator[Part]:
        """Each part, inputs first."""
        return iter(self._parts.values())

    def __getitem__(self, name: str) -> Part:
        """A part by its name."""
        return self._parts[name]

    def wanted(self, name: str) -> dict[Day, str]:
        """The versions that a part should have, from those that its inputs have."""
        part = self._parts[name]
        if part.is_view:
            return {None: part.code}
        return self._built(part, part.code)

    def stale(self, name: str) -> dict[Day, str | None]:
        """The days whose version is not the wanted one, with that; None: no rows are to be left."""
        wanted, noted = self.wanted(name), self.noted(name)
        return {
            day: wanted.get(day)
            for day in wanted.keys() | noted.keys()
            if wanted.get(day) != noted.get(day)
        }

    def unproven(self, name: str, days: Collection[Day] | None = None) -> list[str]:
        """Audits of a part, or of what it stands on, that have not passed on what is there.

        Args:
            name: of the part.
            days: that matter; all by default.
        """
        audited = self._stands_on(name)
        return [
            part.name
            for part in self
            if part.audits in audited
            and any(days is None or day in days for day in self.stale(part.name))
        ]

    def behind(self, name: str) -> dict[str, set[Day]]:
        """What of a part, or of what it stands on, is not built from what is there, by its name."""
        stands_on = self._stands_on(name)
        return {
            part.name: set(days)
            for part in self
            if part.name in stands_on and part.inputs and (days := self.stale(part.name))
        }

    def _stands_on(self, name: str) -> set[str]:
        """The part itself, and all that it is built from."""
        return {name}.union(*(self._stands_on(needed.part) for needed in self[name].inputs))

    def of(self, name: str) -> str:
        """One version that stands for all of a part's."""
        return self._of(name).whole

    def suppose(self, name: str, versions: Mapping[Day, str | None]) -> None:
        """Go on as if these versions were noted: of what is built next, or is noted by now."""
        noted = self.noted(name)
        for day, version in versions.items():
            if version is None:
                noted.pop(day, None)
            else:
                noted[day] = version
        self._versions.clear()

    def noted(self, name: str) -> dict[Day, str]:
        """The versions that a part has."""
        if name not in self._noted:
            self._noted[name] = dict(self._read(name))
        return self._noted[name]

    def _of(self, name: str) -> _Versions:
        if name not in self._versions:
            part, noted = self._parts[name], self.noted(name)
            # The rows of a view are what its code, as it is in the warehouse, makes of its inputs'.
            by_day = self._built(part, noted.get(None, "")) if part.is_view else noted
            if part.is_view:
                whole = digest(noted.get(None), *(self._of(i.part).whole for i in part.inputs))
            else:
                whole = digest(*(f"{day} {by_day[day]}" for day in sorted(by_day, key=str)))
            self._versions[name] = _Versions(part, by_day, whole)
        return self._versions[name]

    def _built(self, part: Part, code: str) -> dict[Day, str]:
        inputs = [(self._of(needed.part), needed) for needed in part.inputs]
        if part.by == "whole":
            return {None: digest(code, *(versions.whole for versions, _ in inputs))}
        days: set[Day] = {
            day
            for versions, needed in inputs
            if versions.part.by == part.by
            for day in versions.days(needed.days_around)
        }
        if any(needed.undated for _, needed in inputs):
            days.add(None)
        return {
            day: digest(
                code,
                *(
                    version
                    for versions, needed in inputs
                    if day is None or not needed.undated
                    for version in versions.at(
                        day, needed.days_around, as_of=needed.as_of_day or part.by == "change"
                    )
                ),
            )
            for day in days
        }


class _Versions:
    """The versions of a part, as those that are built from it see them."""

    def __init__(self, part: Part, by_day: Mapping[Day, str], whole: str) -> None:
        self.part = part
        self.whole = whole
        self._by_day = by_day

    def days(self, around: int) -> Iterator[Day]:
        """The days that are built from any of its days."""
        for day in self._by_day:
            if day is None:
                yield None
            else:
                yield from _around(day, around)

    def at(self, day: Day, around: int, *, as_of: bool) -> Sequence[str | None]:
        """The versions that a day of another part is built from."""
        if self.part.by == "day":
            days = [None] if day is None else _around(day, around)
            return [self._by_day.get(near) for near in days]
        if self.part.by == "change" and as_of:
            return [self._as_of(day)]
        return [self.whole]

    def _as_of(self, day: Day) -> str | None:
        changes = self._changes
        place = len(changes) if day is None else bisect_right(changes, day)
        return self._by_day[changes[place - 1]] if place else None

    @cached_property
    def _changes(self) -> list[date]:
        return sorted(day for day in self._by_day if day is not None)


def _days(days: Iterable[Day]) -> dict[str, object]:
    """The parameters of `_OF_DAYS`."""
    asked = list(days)
    return {"days": [day for day in asked if day is not None], "undated": None in asked}


def _around(day: date, around: int) -> list[date]:
    return [day + timedelta(n) for n in range(-around, around + 1)]
