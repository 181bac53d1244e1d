"""The places of log files that the settings name, folders or buckets, and the way between them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from adtech_assets import files
from adtech_assets.feed.folders import Folder

OBJECTS_AT_ONCE = 16
"""Of a bucket, on their way from one place to another: each takes some answers of the store."""

if TYPE_CHECKING:
    from pathlib import Path

    from adtech_assets.feed.place import LandedFile, Place
    from adtech_assets.settings import Settings


def landing(settings: Settings) -> Place:
    """The landing folder."""
    return _place(settings, settings.raw_data_dir)


def archive(settings: Settings) -> Place:
    """Where loaded files go, `<kind>/<day>/<name>`."""
    return _place(settings, settings.archive_dir)


def quarantine(settings: Settings) -> Place:
    """Where refused files go, `<file id>/<name>` beside `reason.json`.

    In the data folder; in the bucket where the archive is in one, which outlives the data folder.
    """
    if isinstance(settings.archive_dir, str):
        return archive(settings).within(settings.quarantine_dir.name)
    return Folder(settings.quarantine_dir)


def _place(settings: Settings, at: Path | str) -> Place:
    if not isinstance(at, str):
        return Folder(at)
    from adtech_assets.feed.buckets import Bucket  # noqa: PLC0415 - obstore takes 0.1 s

    return Bucket(at, settings.spool_dir)


def move(file: LandedFile, target: Place, name: str) -> None:
    """Move a file; it is always whole in at least one of the places.

    Into a bucket or out of it: the bytes that were read are copied, looked at where they are now,
    then deleted where they were. After a kill in between it may be done again.

    Raises:
        FileNotFoundError: it disappeared.
        OSError: it cannot be moved; to where it has to be copied only regular files can.
        TransientError: a bucket does not answer.
    """
    if isinstance(file.place, Folder) and isinstance(target, Folder):
        files.move(file.path, target.path / name)
        return
    target.take(file.place.fetch(file), name)
    file.place.remove(file)


def empty_spool(settings: Settings) -> None:
    """Delete the copies of a bucket's objects; call it with the warehouse reserved."""
    shutil.rmtree(settings.spool_dir, ignore_errors=True)
