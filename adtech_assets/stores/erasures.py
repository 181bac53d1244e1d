"""The account of what was erased on purpose: days that are forgotten, and stay so.

A file of the data folder, JSON lines, because it has to outlive a lost warehouse: what is delivered
again of a forgotten day must not come back unseen.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from adtech_assets.files import written_whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from adtech_assets.settings import Settings

FILE = "erasures.jsonl"
"""In the data folder; a line for each time that somebody wanted days to be forgotten."""

BACKUPS = "backups.jsonl"
"""Beside it: when which backup was taken, and where it went."""


@dataclass(frozen=True)
class Erasure:
    """Days that somebody wanted to be forgotten."""

    first: date
    last: date
    by: str
    """Login of a person."""
    begun_at: str
    """As all times here, UTC in ISO form."""
    finished_at: str | None = None
    """None: it was stopped; the same command goes on with it."""
    erased: Mapping[str, int] = field(default_factory=dict)
    """How much of each store, by what it is."""
    left: Sequence[str] = ()
    """What may still say something of the days, a line each."""
    taken_back_at: str | None = None
    """When somebody allowed the days to be loaded again."""

    @property
    def days(self) -> set[date]:
        """Each of its days."""
        return {self.first + timedelta(n) for n in range((self.last - self.first).days + 1)}


def read(settings: Settings) -> list[Erasure]:
    """Every erasure, in the order in which they were wanted."""
    return [_erasure(line) for line in _lines(settings.data_dir / FILE)]


def forgotten_days(settings: Settings) -> set[date]:
    """The days of which nothing is to be loaded."""
    return {day for each in read(settings) if not each.taken_back_at for day in each.days}


def begin(settings: Settings, first: date, last: date, by: str) -> Erasure:
    """Note that days are to be forgotten, before anything is erased; or go on where it stopped."""
    for each in read(settings):
        is_open = each.finished_at is None and each.taken_back_at is None
        if is_open and (each.first, each.last) == (first, last):
            return each
    erasure = Erasure(first, last, by, now())
    _write(settings, [*read(settings), erasure])
    return erasure


def note(settings: Settings, erasure: Erasure) -> Erasure:
    """Note how far an erasure has come."""
    others = {each.begun_at: each for each in read(settings)}
    _write(settings, list((others | {erasure.begun_at: erasure}).values()))
    return erasure


def finish(settings: Settings, erasure: Erasure) -> Erasure:
    """Note that what totals many days has been built and published without them."""
    return note(settings, replace(erasure, finished_at=now()))


def take_back(settings: Settings, days: set[date]) -> bool:
    """Let days be loaded again whose erasures lie within them; whether there are any."""
    found = read(settings)
    allowed = [
        replace(each, taken_back_at=now()) if not each.taken_back_at and each.days <= days else each
        for each in found
    ]
    if allowed == found:
        return False
    _write(settings, allowed)
    return True


def note_backup(settings: Settings, place: str) -> None:
    """Note where a backup was put: it goes on holding what is erased later."""
    path = settings.data_dir / BACKUPS
    lines = [*_lines(path), {"at": now(), "place": place}]
    with written_whole(path) as partial:
        partial.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")


def backups(settings: Settings) -> list[str]:
    """The backups that were taken, with the time of each."""
    return [f"{line['place']} of {line['at']}" for line in _lines(settings.data_dir / BACKUPS)]


def carry_over(data_dir: Path, restored: Path) -> list[Erasure]:
    """Give a data folder out of a backup what was noted since it was taken.

    Returns:
        The erasures that it knew nothing of: it holds their days again.
    """
    for name in (FILE, BACKUPS):
        known = _lines(restored / name)
        since = [line for line in _lines(data_dir / name) if line not in known]
        if name == FILE:
            begun = {line["begun_at"] for line in since}
            unknown = begun - {line["begun_at"] for line in known}
            known = [line for line in known if line["begun_at"] not in begun]
        if since:
            with written_whole(restored / name) as partial:
                partial.write_text(
                    "".join(f"{json.dumps(line)}\n" for line in [*known, *since]), encoding="utf-8"
                )
    return [_erasure(line) for line in _lines(restored / FILE) if line["begun_at"] in unknown]


def now() -> str:
    """Now, as it is noted."""
    return datetime.now(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


def _lines(path: Path) -> list[dict[str, object]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _erasure(line: Mapping[str, object]) -> Erasure:
    days = {name: date.fromisoformat(str(line[name])) for name in ("first", "last")}
    return Erasure(**{**line, **days})  # type: ignore[arg-type]


def _write(settings: Settings, erasures: Sequence[Erasure]) -> None:
    with written_whole(settings.data_dir / FILE) as partial:
        partial.write_text(
            "".join(f"{json.dumps(asdict(each), default=str)}\n" for each in erasures),
            encoding="utf-8",
        )
