"""What an asset check said last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True)
class Check:
    """The latest evaluation of a check, as whoever runs the checks tells it."""

    asset: str
    name: str
    severity: Literal["WARN", "ERROR"]
    description: str
    passed: bool
    evaluated_at: datetime
    """Naive UTC."""

    @property
    def look(self) -> Literal["good", "warn", "bad"]:
        """A failed check that only warns is a warning."""
        if self.passed:
            return "good"
        return "warn" if self.severity == "WARN" else "bad"

    @property
    def outcome(self) -> str:
        """The same as a word."""
        return {"good": "passed", "warn": "warned", "bad": "failed"}[self.look]
