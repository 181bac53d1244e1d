"""What the sensor remembers: which deliveries have been loaded, and which have been asked for.

A delivery is the set of settled files of a day, known by a digest of their names, sizes and times.
The memory holds a digest for each day that has files in the landing folder, never their names.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Literal

from adtech_assets.feed import landing, names, places
from adtech_assets.feed.rejections import Rejection
from adtech_assets.partitions import DayRange, contiguous

if TYPE_CHECKING:
    from collections.abc import Callable

    from adtech_assets.settings import Settings

FIRST_RETRY_SECONDS = 60.0
LONGEST_RETRY_SECONDS = 3600.0
"""The first retry comes at once, then pauses double up to an hour: a database that is back in the
morning finds its deliveries loaded without anybody's help."""

LAUNCH_SECONDS = 600.0
"""A request whose run has not appeared by then was lost, and is made again."""

Outcome = Literal["succeeded", "failed", "unfinished"]
"""Of a run."""


def pause_after(attempt: int) -> float:
    """Seconds from a failure to the next attempt."""
    pause = FIRST_RETRY_SECONDS * 2 ** (attempt - 2) if attempt > 1 else 0
    return min(pause, LONGEST_RETRY_SECONDS)


@dataclass
class Request:
    """Days asked for as one run."""

    digests: dict[str, str]
    attempt: int
    asked_at: float
    failed_at: float | None = None

    @property
    def days(self) -> DayRange:
        """The days, which are contiguous."""
        days = sorted(map(date.fromisoformat, self.digests))
        return DayRange(days[0], days[-1])

    @property
    def run_key(self) -> str:
        """Dagster runs each key once, so every attempt has its own."""
        content = hashlib.blake2b(json.dumps(self.digests).encode(), digest_size=8).hexdigest()
        return f"{self.days}/{content}/{self.attempt}"

    def retry_at(self) -> float:
        """When to try again after a failure."""
        return (self.failed_at or 0) + pause_after(self.attempt)


@dataclass
class Deliveries:
    """The sensor's memory between two looks at the landing folder."""

    loaded: dict[str, str] = field(default_factory=dict)
    """Digest by day."""
    asked: list[Request] = field(default_factory=list)
    skip_reason: str = ""

    @classmethod
    def from_cursor(cls, cursor: str | None) -> Deliveries:
        """Restore the memory."""
        if not cursor:
            return cls()
        memory = json.loads(cursor)
        return cls(memory["loaded"], [Request(**request) for request in memory["asked"]])

    def to_cursor(self) -> str:
        """Keep the memory; it grows with the days in the landing folder, not with the files."""
        return json.dumps({"loaded": self.loaded, "asked": [asdict(r) for r in self.asked]})

    def next_requests(
        self,
        settings: Settings,
        loadable: DayRange,
        outcome_of: Callable[[Request], Outcome | None],
    ) -> list[Request]:
        """Look at the landing folder and say which runs to start now.

        Args:
            settings: name the landing folder, the feed and the settle time.
            loadable: days that may be asked for.
            outcome_of: tells what became of a request's run; None if there is no such run.
        """
        now = time.time()
        found, unsettled = settled_days(settings, loadable)
        requests = self._follow_up(outcome_of, now)
        self.loaded = {day: digest for day, digest in self.loaded.items() if day in found}
        in_progress = {day for request in self.asked for day in request.digests}
        wanted = {
            day: digest
            for day, digest in found.items()
            if day not in in_progress and self.loaded.get(day) != digest
        }
        for days in contiguous(map(date.fromisoformat, wanted)):
            request = Request({str(day): wanted[str(day)] for day in days}, 1, asked_at=now)
            self.asked.append(request)
            requests.append(request)
        self.skip_reason = (
            f"{len(found)} days with files: {len(self.loaded)} loaded, "
            f"{len(self.asked)} runs asked for; {unsettled} files not settled yet."
        )
        return requests

    def _follow_up(
        self, outcome_of: Callable[[Request], Outcome | None], now: float
    ) -> list[Request]:
        """Forget what succeeded, and ask again for what failed once its pause is over."""
        again, still_asked = [], []
        for request in self.asked:
            request.asked_at = min(request.asked_at, now)  # the clock may have gone back
            outcome = outcome_of(request)
            if outcome == "succeeded":
                self.loaded.update(request.digests)
                continue
            if outcome == "failed" or (outcome is None and now - request.asked_at > LAUNCH_SECONDS):
                request.failed_at = min(request.failed_at or now, now)
                if now >= request.retry_at():
                    request.attempt += 1
                    request.asked_at, request.failed_at = now, None
                    again.append(request)
            still_asked.append(request)
        self.asked = still_asked
        return again


def settled_days(settings: Settings, loadable: DayRange) -> tuple[dict[str, str], int]:
    """Digest of the settled files of each loadable day, and the number of unsettled files."""
    place = places.landing(settings)
    now = place.now()
    lines: dict[date, list[str]] = defaultdict(list)
    unsettled = 0
    for file in place.entries(settings.feed):
        try:
            day = names.day_of(settings.feed, file.name, loadable.last)
        except Rejection:
            continue  # no day can claim it; whichever run comes first puts it into quarantine
        if not loadable.first <= day <= loadable.last:
            continue
        if landing.is_settled(file, settings.settle_seconds, now):
            version = f"{file.bytes}/{file.modified_ns}{file.etag or ''}"
            lines[day].append(f"{landing.shown_name(file.name)}/{version}")
        else:
            unsettled += 1
    digests = {
        str(day): hashlib.blake2b("\n".join(sorted(content)).encode(), digest_size=8).hexdigest()
        for day, content in sorted(lines.items())
    }
    return digests, unsettled
