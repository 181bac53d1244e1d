"""Which of the conditions in the stores and on the disks need a person."""

from __future__ import annotations

import shutil
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from adtech_assets.alerts.memory import Alert
from adtech_assets.audit.conditions import Condition
from adtech_assets.audit.status import read_status
from adtech_assets.errors import TransientError
from adtech_assets.partitions import DayRange
from adtech_assets.stores.warehouse import first_line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from adtech_assets.audit.conditions import What
    from adtech_assets.audit.status import Status
    from adtech_assets.models.project import Project
    from adtech_assets.settings import Settings

OF_THE_STORES: tuple[What, ...] = ("day not there", "file in quarantine")
"""What cannot be said while a run has the warehouse, or a database is down."""

LOOK_SECONDS = 1.0
"""How long a look waits for a run that uses the warehouse: the next one is soon."""

UNKNOWN_SECONDS = 3600.0
"""For which the stores may be out of reach: runs use the warehouse, and servers restart."""

STALE_SECONDS = 1800.0
"""For which a late file of a day that is there may wait for its run."""

MOST_FILES = 50
"""In quarantine, of which each is told by itself."""

MORE_PERCENT = 2
"""That a disk must have free beyond the limit, until it is no longer nearly full."""


def of_the_stores(
    settings: Settings, project: Project, now: datetime, days_told: Collection[str]
) -> tuple[list[Alert], bool]:
    """What the stores say needs a person, and whether they could be read.

    Args:
        settings: name the stores.
        project: the models, by whose versions days are stale too.
        now: with the time zone of the feed.
        days_told: days (YYYY-MM-DD) that were not there at an earlier look.
    """
    try:
        status = read_status(settings, _days(settings, now, days_told), LOOK_SECONDS, project)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        patience = UNKNOWN_SECONDS if isinstance(error, TransientError) else 0.0
        return [Alert(Condition("not known", first_line(error)), "stores", patience)], False
    days = {due_day(settings, now), *map(date.fromisoformat, days_told)}
    return [*_days_not_there(settings, status, days), *_quarantined(status)], True


def due_day(settings: Settings, now: datetime) -> date:
    """The last day that should be there: yesterday, from ADTECH_ALERTS_TIME on."""
    is_time = now.time() >= time.fromisoformat(settings.alerts_time)
    return now.date() - timedelta(1 if is_time else 2)


def _days(settings: Settings, now: datetime, days_told: Collection[str]) -> DayRange:
    last = due_day(settings, now)
    return DayRange(min(last, *map(date.fromisoformat, days_told), last), last)


def _days_not_there(settings: Settings, status: Status, days: Collection[date]) -> Iterator[Alert]:
    for day in sorted(days):
        found = status.days.get(day)
        if found is None or day < settings.start_date or found.state in ("loaded", "empty"):
            continue
        is_there = found.loaded_at is not None
        if is_there and found.state == "failed":
            continue  # its run is told
        told = f"{day} is {found.state} at {settings.alerts_time}"
        if found.waiting_files:
            files = "file waits" if found.waiting_files == 1 else "files wait"
            told += f", {found.waiting_files:,} {files}"
        if found.error:
            told += f": {found.error}"
        patience = STALE_SECONDS if is_there else 0.0
        yield Alert(Condition("day not there", told), str(day), patience)


def _quarantined(status: Status) -> Iterator[Alert]:
    for file in status.quarantine[:MOST_FILES]:
        yield Alert(Condition("file in quarantine", str(file)), file.file)
    more = len(status.quarantine) - MOST_FILES
    if more > 0:
        yield Alert(Condition("file in quarantine", f"{more:,} more"), "more")


def full_disks(settings: Settings, known: Collection[str]) -> Iterator[Alert]:
    """Disks of which less is free than ADTECH_LEAST_FREE_PERCENT.

    Args:
        settings: name the folders.
        known: folders whose disk was nearly full at the last look.
    """
    folders: dict[int, Path] = {}
    for folder in (settings.data_dir, settings.raw_data_dir, settings.output_dir):
        if isinstance(folder, Path) and folder.exists():
            folders.setdefault(folder.stat().st_dev, folder)
    for folder in folders.values():
        disk = shutil.disk_usage(folder)
        percent = 100 * disk.free / disk.total
        limit = settings.least_free_percent
        if percent < limit + (MORE_PERCENT if str(folder) in known else 0):
            told = f"{folder}: {percent:.1f} % free, {disk.free / 2**30:,.1f} GiB"
            yield Alert(Condition("disk nearly full", told), str(folder))
