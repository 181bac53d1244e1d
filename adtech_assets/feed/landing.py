"""The landing folder: what lies there, whether it is finished, and the places it leaves for."""

from __future__ import annotations

import json
import time
import unicodedata
from contextlib import suppress
from operator import attrgetter
from typing import TYPE_CHECKING

from adtech_assets.feed import names, places
from adtech_assets.feed.place import REASON
from adtech_assets.feed.rejections import Rejection
from adtech_assets.partitions import today
from adtech_assets.settings import FIRST_DAY, START_DATE, begin_no_later

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from adtech_assets.contract import Feed, Kind
    from adtech_assets.feed.place import LandedFile, Place
    from adtech_assets.settings import Settings

LONGEST_WAIT_SECONDS = 10.0
"""A run waits for files that settle within this time; later ones are left for a later run."""

REPLACED, DISCARDED = "replaced", "discarded"
"""In the archive: originals whose place another file took, and what a person gave up."""


def scan(place: Place, feed: Feed) -> list[LandedFile]:
    """Every log file of a place, ordered by name; folders in it as deep as the feed has them.

    Raises:
        UserError: there is no such place.
    """
    return sorted(place.entries(feed), key=attrgetter("name"))


def begin_with_waiting(settings: Settings) -> Settings:
    """The settings with a partition for each file, where they begin with a folder's own data."""
    landed = places.landing(settings)
    if not (settings.data_dir / FIRST_DAY).exists() or not landed.exists():
        return settings
    days = {settings.start_date}
    for file in scan(landed, settings.feed):
        with suppress(Rejection):
            days.add(names.day_of(settings.feed, file.name, today(settings.zone)))
    return begin_no_later(settings, min(day for day in days if day >= START_DATE))


def is_settled(file: LandedFile, settle_seconds: float, now: float) -> bool:
    """Whether a file has not been changed for the settle time."""
    return not -settle_seconds < file.age_seconds(now) < settle_seconds


def wait_until_settled(
    place: Place, found: list[LandedFile], settle_seconds: float
) -> tuple[list[LandedFile], list[LandedFile]]:
    """Split files of a place into finished ones and those that may still be being written.

    Waits for the young ones when that takes no longer than `LONGEST_WAIT_SECONDS`, so that a
    person who copies files and then starts a run gets them.
    """
    now = place.now()
    young = [file for file in found if not is_settled(file, settle_seconds, now)]
    if young and settle_seconds <= LONGEST_WAIT_SECONDS:
        time.sleep(
            max(min(settle_seconds - file.age_seconds(now), settle_seconds) for file in young)
        )
        unfinished = {file.name for file in young if not _is_unchanged(file)}
    else:
        unfinished = {file.name for file in young}
    return (
        [file for file in found if file.name not in unfinished],
        [file for file in found if file.name in unfinished],
    )


def _is_unchanged(file: LandedFile) -> bool:
    try:
        found = file.place.look(file.name, file.kind)
    except FileNotFoundError:
        return False
    return (found.bytes, found.modified_ns, found.etag) == (
        file.bytes,
        file.modified_ns,
        file.etag,
    )


def archived_files(
    settings: Settings, kind: Kind, days: Iterable[date], *, duplicates: bool = False
) -> dict[date, list[LandedFile]]:
    """The files of a kind that have been archived, for those of the days that have any, or had."""
    place = _archive_of(settings, kind, duplicates=duplicates)
    by_name = {day.isoformat(): day for day in days}
    found = place.in_folders(settings.feed, by_name) if by_name else {}
    return {by_name[name]: sorted(files, key=attrgetter("name")) for name, files in found.items()}


def archive_of(settings: Settings, kind: Kind, day: date, *, duplicate: bool = False) -> Place:
    """`archive/<kind>/<day>`; duplicates lie apart from the originals."""
    return _archive_of(settings, kind, duplicates=duplicate).within(day.isoformat())


def _archive_of(settings: Settings, kind: Kind, *, duplicates: bool) -> Place:
    place = places.archive(settings)
    return (place.within("duplicates") if duplicates else place).within(kind)


def archive(settings: Settings, file: LandedFile, day: date) -> None:
    """Move a loaded file to where every engine finds the originals."""
    places.move(file, archive_of(settings, file.kind, day), file.name)


def archive_duplicate(settings: Settings, file: LandedFile, day: date) -> None:
    """Move a file that was counted under another name out of the way of the originals."""
    places.move(file, archive_of(settings, file.kind, day, duplicate=True), file.name)


def replaced(settings: Settings, file_id: int) -> Place:
    """Where the original goes whose place another file took."""
    return places.archive(settings).within(REPLACED).within(f"{file_id:08d}")


def discarded(settings: Settings, folder: str) -> Place:
    """Where a refused file goes that a person gave up, beside `reason.json`."""
    return places.archive(settings).within(DISCARDED).within(folder)


def last_folder_id(settings: Settings) -> int:
    """The highest file id that has a folder: ids outlive a lost warehouse, and stay unique."""
    archive = places.archive(settings)
    parents = (places.quarantine(settings), archive.within(REPLACED), archive.within(DISCARDED))
    folders = (name for parent in parents for name in parent.folders())
    return max((int(name) for name in folders if name.isdecimal()), default=0)


def quarantine(settings: Settings, file: LandedFile, rejection: Rejection, file_id: int) -> None:
    """Move a refused file to `quarantine/<file id>/<name>`, beside a `reason.json`.

    The reason is written first: a file never lies there without one. What cannot be moved (out of
    a read-only folder, or a link to another file system) stays, for each run to refuse again.

    Raises:
        FileNotFoundError: it disappeared.
    """
    folder = places.quarantine(settings).within(f"{file_id:08d}")
    reason = {
        "file": shown_name(file.name),
        "kind": file.kind,
        "reason": rejection.reason,
        "detail": rejection.detail,
        "bytes": file.bytes,
        "file_id": file_id,
    }
    folder.write(REASON, json.dumps(reason, indent=2, ensure_ascii=False) + "\n")
    try:
        places.move(file, folder, file.name)
    except OSError as error:
        folder.clear()
        if isinstance(error, FileNotFoundError):
            raise


def remove_unfinished_quarantine(settings: Settings) -> None:
    """Remove what a kill in the middle of `quarantine` has left: a folder without its file.

    It can only be the newest. Call it with the warehouse reserved, so that nobody is at it.
    """
    place = places.quarantine(settings)
    newest = max((name for name in place.folders() if name[0].isdigit()), default=None)
    if newest is not None and newest not in dict(place.refused(settings.feed)):
        place.within(newest).clear()


def shown_name(name: str) -> str:
    """A name as it may be printed and stored: no text, or a screen's control: escaped."""
    if name.isprintable():
        return name  # as nearly all are, and 15 times as fast as looking at each character
    text = name.encode(errors="surrogateescape").decode(errors="backslashreplace")
    return "".join(
        f"\\x{ord(character):02x}" if unicodedata.category(character) == "Cc" else character
        for character in text
    )
