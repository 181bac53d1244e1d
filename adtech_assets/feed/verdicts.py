"""What becomes of log files before they are read: a verdict for each, from what is known."""

from __future__ import annotations

import shlex
from bisect import bisect, insort
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from adtech_assets.feed.rejections import Rejection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from adtech_assets.feed.ledger import SeenFile
    from adtech_assets.feed.names import LogFileName
    from adtech_assets.feed.place import LandedFile


@dataclass(frozen=True)
class Candidate:
    """A finished file of the days, hashed."""

    file: LandedFile
    seen: SeenFile
    name: LogFileName


@dataclass(frozen=True)
class Duplicate:
    """A file with the bytes of another one, which is counted."""

    original: str


Verdict = Rejection | Duplicate | Literal["known", "read", "later"]
"""Known: it is loaded, delivered again or not yet taken away. Later: it depends on what becomes of
another file, which is to be read first."""

Range = tuple[int, int, str]
"""First and last offset, both included, and the name of the file that has them."""


@dataclass(frozen=True)
class Facts:
    """What is known when files are judged."""

    hash_of: Mapping[str, str | None]
    """Content of the counted files, by name."""
    name_of: Mapping[str, str]
    """Names of the loaded files, by content."""
    rejected: Mapping[str, Rejection] = field(default_factory=dict)
    """Why contents were refused in this run."""
    offsets: Iterable[tuple[int, int, int, str]] = ()
    """Feed partition, first and last offset and name of the loaded files."""
    refuses_overlaps: bool = True


def judge(candidates: Sequence[Candidate], facts: Facts) -> Iterator[tuple[Candidate, Verdict]]:
    """The files in order, with their verdicts: of each name and content, one is read at a time."""
    taken = _Offsets(facts.offsets)
    being_read: set[str | None] = set()
    for candidate in candidates:
        verdict = _of_identity(candidate, facts)
        name_and_content = {candidate.file.name, candidate.seen.sha256}
        if verdict == "read" and not being_read.isdisjoint(name_and_content):
            verdict = "later"
        elif verdict == "read":
            being_read |= name_and_content
            if facts.refuses_overlaps:
                verdict = taken.reserve(candidate)
        yield candidate, verdict


def _of_identity(candidate: Candidate, facts: Facts) -> Verdict:
    """By name and content alone."""
    name, digest = candidate.file.name, candidate.seen.sha256 or ""
    if name in facts.hash_of:
        if facts.hash_of[name] == digest:
            return "known"
        return Rejection(
            "conflict",
            "a file of this name but with other bytes is loaded; "
            f"to count this one instead: adtech logs replace {shlex.quote(name)}",
        )
    if digest in facts.rejected:
        return facts.rejected[digest]
    if digest in facts.name_of:
        return Duplicate(facts.name_of[digest])
    return "read"


class _Offsets:
    """Which offsets of the feed's partitions are counted, or will be if their file is good."""

    def __init__(self, counted: Iterable[tuple[int, int, int, str]]) -> None:
        self._ranges: dict[int, list[Range]] = defaultdict(list)
        for partition, first, last, name in counted:
            insort(self._ranges[partition], (first, last, name))
        self._reserved: set[str] = set()

    def reserve(self, candidate: Candidate) -> Verdict:
        """Take a file's offsets; refuse it if a counted file has delivered some of them."""
        offsets = candidate.name.offsets
        if offsets is None:
            return "read"
        ranges = self._ranges[offsets.partition]
        # Ranges do not overlap, so only the two neighbours can.
        place = bisect(ranges, (offsets.first,))
        for first, last, name in ranges[max(place - 1, 0) : place + 1]:
            if first <= offsets.last and offsets.first <= last:
                if name in self._reserved:
                    return "later"
                return Rejection("offset_overlap", f"its offsets overlap those of {name}")
        ranges.insert(place, (offsets.first, offsets.last, candidate.file.name))
        self._reserved.add(candidate.file.name)
        return "read"
