"""What stands until somebody does something about it, and how it is told."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence


What = Literal[
    "file in quarantine",
    "gap between offsets",
    "file of a day to come",
    "failed day",
    "stale day",
    "missing day",
    "difference between counts",
    # Of the whole deployment, told by alerts only.
    "failed run",
    "day not there",
    "check not passed",
    "queue that does not move",
    "disk nearly full",
    "not known",
]


@dataclass(frozen=True)
class Condition:
    """Something that stands, on whatever day, until somebody does something about it."""

    what: What
    told: str
    """Which one, in a line."""

    def __str__(self) -> str:
        """What it is, and which one."""
        return f"{self.what}: {self.told}"

    @property
    def look(self) -> Literal["bad", "warn"]:
        """What may be a wrong number is bad."""
        return "bad" if self.what in _BAD else "warn"

    @property
    def check(self) -> str | None:
        """Name of the check that asks for it, and may have been asked before it was so."""
        return _CHECKS.get(self.what)


_BAD = (
    "failed day",
    "difference between counts",
    "failed run",
    "day not there",
    "check not passed",
    "queue that does not move",
)

STANDING_DAYS = ("failed day", "stale day", "missing day")

_CHECKS = {
    "file in quarantine": "no_file_is_quarantined",
    "gap between offsets": "offsets_have_no_gaps",
    "file of a day to come": "no_file_is_early",
    "difference between counts": "counts_are_conserved",
    **dict.fromkeys(STANDING_DAYS, "every_day_is_up_to_date"),
}


def told(standing: Sequence[Condition]) -> str:
    """How much stands: `2 files in quarantine, 1 stale day`; of days, how many stretches."""
    counts = Counter(condition.what for condition in standing)
    return ", ".join(
        f"{number:,} {what if number == 1 else _MANY.get(what, what)}"
        for what, number in counts.items()
    )


_MANY = {
    "file in quarantine": "files in quarantine",
    "gap between offsets": "gaps between offsets",
    "difference between counts": "differences between counts",
    "file of a day to come": "files of days to come",
    "failed run": "failed runs",
    "day not there": "days not there",
    "check not passed": "checks not passed",
    "disk nearly full": "disks nearly full",
    **{f"{state} day": f"stretches of {state} days" for state in ("failed", "stale", "missing")},
}
