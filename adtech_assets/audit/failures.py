"""Days that could not be loaded, noted as files so that they are known when every store is down."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from adtech_assets import files

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from adtech_assets.settings import Settings


@dataclass(frozen=True)
class Failure:
    """The last failure of a day that has not been loaded since."""

    day: date
    run_id: str
    step: str
    error: str
    failed_at: str


def note(settings: Settings, days: Iterable[date], *, run_id: str, step: str, error: str) -> None:
    """Remember that a run failed for these days."""
    failed_at = datetime.now(UTC).isoformat(timespec="seconds")
    content = {"run_id": run_id, "step": step, "error": error, "failed_at": failed_at}
    for day in days:
        with files.written_whole(_folder(settings) / f"{day}.json") as partial:
            partial.write_text(json.dumps(content, indent=2) + "\n")


def clear(settings: Settings, days: Iterable[date]) -> None:
    """Forget the failures of days that are loaded now."""
    for day in days:
        path = _folder(settings) / f"{day}.json"
        path.unlink(missing_ok=True)
        files.partial_of(path).unlink(missing_ok=True)  # left by a kill


def noted(settings: Settings) -> dict[date, Failure]:
    """Every day whose last run failed."""
    return {
        (day := date.fromisoformat(path.stem)): Failure(day, **json.loads(path.read_text()))
        for path in _folder(settings).glob("[0-9]*.json")
    }


def _folder(settings: Settings) -> Path:
    return settings.data_dir / "failed_days"
