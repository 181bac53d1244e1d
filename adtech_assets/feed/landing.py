"""The landing folder: what lies there, whether it is finished, and the folders it leaves for.

Files are untrusted: nothing but a regular file of the folder itself is ever opened, and a name is
never more than a name.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import stat
import time
import unicodedata
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from adtech_assets import files
from adtech_assets.errors import TransientError, UserError
from adtech_assets.feed.ledger import SeenFile
from adtech_assets.feed.names import kind_of
from adtech_assets.feed.rejections import Rejection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager
    from datetime import date
    from io import BufferedReader
    from pathlib import Path

    from adtech_assets.contract import Feed, Kind
    from adtech_assets.settings import Settings

LONGEST_WAIT_SECONDS = 10.0
"""A run waits for files that settle within this time; later ones are left for a later run."""

HASH_TRIES = 3

REASON = "reason.json"

NOT_A_FILE = "only regular files are taken: no links, folders or devices"


class LandedFile(NamedTuple):
    """An entry of the landing folder (or of the archive) whose name is a log file's.

    A tuple with a path made on demand: the sensor lists 100,000 of them in a third of the time.
    """

    folder: Path
    name: str
    """The path below that folder, with `/`; the folders above mean nothing."""
    kind: Kind
    bytes: int
    modified_ns: int
    is_regular: bool

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.folder / self.name

    def age_seconds(self, now: float) -> float:
        """How long ago the file was changed; negative when its clock is ahead of ours."""
        return now - self.modified_ns / 1e9


def scan(folder: Path, feed: Feed) -> list[LandedFile]:
    """Every log file of a folder, ordered by name; folders in it as deep as the feed has them.

    Raises:
        UserError: there is no such folder.
    """
    return sorted(entries(folder, feed), key=attrgetter("name"))


def entries(folder: Path, feed: Feed) -> Iterator[LandedFile]:
    """The same in the order of the folder, one by one.

    Raises:
        UserError: there is no such folder.
    """
    try:
        listing = os.scandir(folder)
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(
            f"There is no landing folder {folder}. Make it, or set ADTECH_RAW_DATA_DIR."
        ) from None
    return _entries(listing, folder, feed)


def _entries(
    listing: AbstractContextManager[Iterator[os.DirEntry[str]]],
    folder: Path,
    feed: Feed,
    above: str = "",
    depth: int = 0,
) -> Iterator[LandedFile]:
    goes_deeper = feed.depth is None or depth < feed.depth
    with listing as found:
        for entry in found:
            name = above + entry.name
            kind = kind_of(feed, name)
            try:
                if kind is not None:
                    yield _landed(folder, name, kind, entry.stat(follow_symlinks=False))
                elif goes_deeper and entry.is_dir(follow_symlinks=False) and entry.name[0] != ".":
                    yield from _entries(os.scandir(entry.path), folder, feed, f"{name}/", depth + 1)
            except FileNotFoundError:
                continue  # gone since the listing


def look(folder: Path, name: str, kind: Kind) -> LandedFile:
    """A single file.

    Raises:
        FileNotFoundError: it is not there.
    """
    return _landed(folder, name, kind, (folder / name).lstat())


def _landed(folder: Path, name: str, kind: Kind, status: os.stat_result) -> LandedFile:
    is_regular = stat.S_ISREG(status.st_mode)
    return LandedFile(folder, name, kind, status.st_size, status.st_mtime_ns, is_regular)


def is_settled(file: LandedFile, settle_seconds: float, now: float) -> bool:
    """Whether a file has not been changed for the settle time."""
    return not -settle_seconds < file.age_seconds(now) < settle_seconds


def wait_until_settled(
    found: list[LandedFile], settle_seconds: float
) -> tuple[list[LandedFile], list[LandedFile]]:
    """Split files into finished ones and those that may still be being written.

    Waits for the young ones when that takes no longer than `LONGEST_WAIT_SECONDS`, so that a
    person who copies files and then starts a run gets them.
    """
    now = time.time()
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
        status = file.path.lstat()
    except FileNotFoundError:
        return False
    return (status.st_size, status.st_mtime_ns) == (file.bytes, file.modified_ns)


def fingerprint(file: LandedFile) -> SeenFile:
    """Hash a file that does not change meanwhile.

    Raises:
        Rejection: no regular file, no content, or it may not be read.
        TransientError: it changes while it is read, each time we try.
        FileNotFoundError: it disappeared.
    """
    if not file.is_regular:
        raise Rejection("not_a_file", NOT_A_FILE)
    if file.bytes == 0:
        raise Rejection("empty_file", "the file has no content")
    for _ in range(HASH_TRIES):
        try:
            with _open_regular(file) as content:
                before = os.fstat(content.fileno())
                digest = hashlib.file_digest(content, "sha256").hexdigest()
                after = os.fstat(content.fileno())
        except PermissionError as error:
            raise Rejection("unreadable", f"it may not be read: {error.strerror}") from error
        if _identity(before) == _identity(after):
            return SeenFile(
                file.kind,
                file.name,
                digest,
                after.st_size,
                after.st_mtime_ns,
                _identity(after),
            )
    raise TransientError(f"{file.name} keeps changing while it is read; try again later.")


def _open_regular(file: LandedFile) -> BufferedReader:
    """Open a file that is still a regular one: since the listing, a link may have come instead.

    Raises:
        Rejection: it is a link, lies behind one, or is no regular file.
        FileNotFoundError: it disappeared.
    """
    *folders, name = file.name.split("/")
    within = os.open(file.folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for folder in folders:
            inner = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=within)
            os.close(within)
            within = inner
        # Without waiting for whoever would write into a FIFO.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(name, flags, dir_fd=within)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.ENOTDIR):
            raise Rejection("not_a_file", NOT_A_FILE) from error
        raise
    finally:
        os.close(within)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Rejection("not_a_file", NOT_A_FILE)
    return os.fdopen(descriptor, "rb")


def _identity(status: os.stat_result) -> tuple[int, ...]:
    """Differs for a file that was changed, or that another took the place of.

    The change time is that of the inode: unlike the modification time nobody can set it.
    """
    return (
        status.st_dev,
        status.st_ino,
        status.st_mode,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def is_still(file: LandedFile, seen: SeenFile) -> bool:
    """Whether a file is the very one that was hashed, untouched since.

    Raises:
        FileNotFoundError: it disappeared.
    """
    return _identity(file.path.lstat()) == seen.identity


def archived_files(settings: Settings, kind: Kind, days: Iterable[date]) -> list[LandedFile]:
    """The files of a kind that have been archived for these days."""
    found: list[LandedFile] = []
    for day in archived_days(settings, kind, days):
        folder = settings.archive_dir / kind / day.isoformat()
        if folder.is_dir():
            found += scan(folder, settings.feed)
    return found


def archived_days(settings: Settings, kind: Kind, days: Iterable[date]) -> list[date]:
    """Those of the days that have files of a kind in the archive, or had; by a single listing."""
    folder = settings.archive_dir / kind
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    return [day for day in days if day.isoformat() in there]


def archive_path(
    settings: Settings, kind: Kind, day: date, name: str, *, duplicate: bool = False
) -> Path:
    """`archive/<kind>/<day>/<name>`; duplicates lie apart from the originals."""
    folder = settings.archive_dir / "duplicates" if duplicate else settings.archive_dir
    return folder / kind / day.isoformat() / name


def archive(settings: Settings, file: LandedFile, day: date) -> Path:
    """Move a loaded file to where every engine finds the originals."""
    target = archive_path(settings, file.kind, day, file.name)
    files.move(file.path, target)
    return target


def archive_duplicate(settings: Settings, file: LandedFile, day: date) -> Path:
    """Move a file that was counted under another name out of the way of the originals."""
    target = archive_path(settings, file.kind, day, file.name, duplicate=True)
    files.move(file.path, target)
    return target


def replaced_dir(settings: Settings) -> Path:
    """Where the originals go whose place another file took, `<file id>/<name>`."""
    return settings.archive_dir / "replaced"


def discarded_dir(settings: Settings) -> Path:
    """Where refused files go that a person gave up, `<file id>/<name>` beside `reason.json`."""
    return settings.archive_dir / "discarded"


def last_folder_id(settings: Settings) -> int:
    """The highest file id that has a folder: ids outlive a lost warehouse, and stay unique."""
    folders = (
        folder.name
        for parent in (
            settings.quarantine_dir,
            replaced_dir(settings),
            discarded_dir(settings),
        )
        for folder in parent.glob("[0-9]*")
    )
    return max((int(name) for name in folders if name.isdecimal()), default=0)


def quarantine(settings: Settings, file: LandedFile, rejection: Rejection, file_id: int) -> None:
    """Move a refused file to `quarantine/<file id>/<name>`, beside a `reason.json`.

    The reason is written first: a file never lies there without one. What cannot be moved (out of
    a read-only folder, or a link to another file system) stays, for each run to refuse again.

    Raises:
        FileNotFoundError: it disappeared.
    """
    folder = settings.quarantine_dir / f"{file_id:08d}"
    reason = {
        "file": shown_name(file.name),
        "kind": file.kind,
        "reason": rejection.reason,
        "detail": rejection.detail,
        "bytes": file.bytes,
        "file_id": file_id,
    }
    with files.written_whole(folder / REASON) as partial:
        text = json.dumps(reason, indent=2, ensure_ascii=False) + "\n"
        partial.write_text(text, encoding="utf-8")
    try:
        files.move(file.path, folder / file.name)
    except OSError as error:
        shutil.rmtree(folder)
        if isinstance(error, FileNotFoundError):
            raise


def remove_unfinished_quarantine(settings: Settings) -> None:
    """Remove what a kill in the middle of `quarantine` has left: a folder without its file.

    It can only be the newest. Call it with the warehouse reserved, so that nobody is at it.
    """
    newest = max(settings.quarantine_dir.glob("[0-9]*"), default=None)
    if newest is not None and quarantined(newest, settings.feed) is None:
        shutil.rmtree(newest)


def quarantined(folder: Path, feed: Feed) -> str | None:
    """Name of the refused file in a folder of the quarantine, if there is any."""
    path = folder
    while path.is_dir() and not path.is_symlink():
        inside = [
            found
            for found in sorted(path.iterdir())
            if found != folder / REASON and not files.is_partial(found)
        ]
        if not inside:
            break
        path = inside[0]
        if kind_of(feed, path.relative_to(folder).as_posix()):
            break  # it may be a folder that is called like a file
    return None if path == folder else path.relative_to(folder).as_posix()


def shown_name(name: str) -> str:
    """A name as it may be printed and stored: no text, or a screen's control: escaped."""
    if name.isprintable():
        return name  # as nearly all are, and 15 times as fast as looking at each character
    text = name.encode(errors="surrogateescape").decode(errors="backslashreplace")
    return "".join(
        f"\\x{ord(character):02x}" if unicodedata.category(character) == "Cc" else character
        for character in text
    )
