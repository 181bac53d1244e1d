"""Where log files lie: what is asked of a landing folder, an archive or a quarantine.

Files are untrusted: nothing but a regular file of the folder itself is ever opened, and a name is
never more than a name.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
import time
from contextlib import suppress
from pathlib import Path  # noqa: TC003 - a field of a tuple
from typing import TYPE_CHECKING, NamedTuple, Protocol

from adtech_assets import files
from adtech_assets.contract import KINDS
from adtech_assets.errors import TransientError, UserError
from adtech_assets.feed.ledger import SeenFile
from adtech_assets.feed.names import kind_of
from adtech_assets.feed.rejections import Rejection

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from io import BufferedReader
    from typing import Self

    from adtech_assets.contract import Feed, Kind
    from adtech_assets.settings import Settings

HASH_TRIES = 3

NOT_A_FILE = "only regular files are taken: no links, folders or devices"


class LandedFile(NamedTuple):
    """An entry of a place whose name is a log file's.

    A tuple with a path made on demand: the sensor lists 100,000 of them in a third of the time.
    """

    place: Place
    name: str
    """The path below that place, with `/`; what is above means nothing."""
    kind: Kind
    bytes: int
    modified_ns: int
    is_regular: bool

    @property
    def path(self) -> Path:
        """Where it is read."""
        return self.place.path_of(self)

    def age_seconds(self, now: float) -> float:
        """How long ago the file was changed; negative when its clock is ahead of ours."""
        return now - self.modified_ns / 1e9


class Place(Protocol):
    """A folder of log files, with all that is asked of one.

    Each may raise a `TransientError` or `UserError` when it is not to be reached.
    """

    def exists(self) -> bool:
        """Whether there is such a place."""

    def within(self, folder: str) -> Self:
        """A folder in it, there or not."""

    def folders(self) -> set[str]:
        """The names of what may be folders in it."""

    def now(self) -> float:
        """The time by which its files are dated, in seconds since 1970."""

    def entries(self, feed: Feed) -> Iterator[LandedFile]:
        """Its log files, in no order; folders in it as deep as the feed has them.

        Raises:
            UserError: there is no such place.
        """

    def look(self, name: str, kind: Kind) -> LandedFile:
        """A single file.

        Raises:
            FileNotFoundError: it is not there.
        """

    def has(self, name: str) -> bool:
        """Whether anything is called so."""

    def shown(self, name: str) -> str:
        """Where a file of this name lies, for people."""

    def path_of(self, file: LandedFile) -> Path:
        """Where a file of this place is read."""

    def fingerprint(self, file: LandedFile) -> SeenFile:
        """Hash a file that does not change meanwhile.

        Raises:
            Rejection: no regular file, no content, or it may not be read.
            TransientError: it changes while it is read, each time we try.
            FileNotFoundError: it disappeared.
        """

    def is_still(self, file: LandedFile, seen: SeenFile) -> bool:
        """Whether what is read of a file is what was hashed, untouched since.

        Raises:
            FileNotFoundError: it disappeared.
        """

    def remove(self, file: LandedFile) -> None:
        """Delete a file; one that is gone is no mistake."""

    def refused(self, feed: Feed) -> Iterator[tuple[str, LandedFile]]:
        """The files of a quarantine in the order of their ids, each with the folder of its id."""

    def write(self, name: str, text: str) -> None:
        """Write a note beside a file."""

    def read(self, name: str) -> str:
        """Read one.

        Raises:
            OSError: it is not there, or may not be read.
            UnicodeDecodeError: it is no text.
        """

    def clear(self) -> None:
        """Delete the folder with all that is in it."""

    def remove_if_empty(self) -> None:
        """Delete the folder if nothing is left in it."""


REASON = "reason.json"
"""Beside a refused file."""


class Folder(NamedTuple):
    """A folder of this machine."""

    path: Path

    def __str__(self) -> str:
        """Its path."""
        return str(self.path)

    def exists(self) -> bool:
        """Whether there is such a folder."""
        return self.path.is_dir()

    def within(self, folder: str) -> Folder:
        """A folder in it, there or not."""
        return Folder(self.path / folder)

    def folders(self) -> set[str]:
        """The names in it that may be folders, by a single listing."""
        return {path.name for path in self.path.iterdir()} if self.path.is_dir() else set()

    def now(self) -> float:
        """The machine's clock."""
        return time.time()

    def entries(self, feed: Feed) -> Iterator[LandedFile]:
        """Its log files in the order of the folder, one by one."""
        try:
            listing = os.scandir(self.path)
        except (FileNotFoundError, NotADirectoryError):
            raise UserError(
                f"There is no landing folder {self.path}. Make it, or set ADTECH_RAW_DATA_DIR."
            ) from None
        return self._entries(listing, feed)

    def _entries(
        self,
        listing: AbstractContextManager[Iterator[os.DirEntry[str]]],
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
                        yield self._landed(name, kind, entry.stat(follow_symlinks=False))
                    elif (
                        goes_deeper and entry.is_dir(follow_symlinks=False) and entry.name[0] != "."
                    ):
                        yield from self._entries(
                            os.scandir(entry.path), feed, f"{name}/", depth + 1
                        )
                except FileNotFoundError:
                    continue  # gone since the listing

    def look(self, name: str, kind: Kind) -> LandedFile:
        """A single file."""
        return self._landed(name, kind, (self.path / name).lstat())

    def _landed(self, name: str, kind: Kind, status: os.stat_result) -> LandedFile:
        is_regular = stat.S_ISREG(status.st_mode)
        return LandedFile(self, name, kind, status.st_size, status.st_mtime_ns, is_regular)

    def has(self, name: str) -> bool:
        """Whether anything is called so, if it is a link to nowhere."""
        return os.path.lexists(self.path / name)

    def shown(self, name: str) -> str:
        """Its path."""
        return str(self.path / name)

    def path_of(self, file: LandedFile) -> Path:
        """Where it lies."""
        return self.path / file.name

    def fingerprint(self, file: LandedFile) -> SeenFile:
        """Hash a file that does not change meanwhile."""
        if not file.is_regular:
            raise Rejection("not_a_file", NOT_A_FILE)
        if file.bytes == 0:
            raise Rejection("empty_file", "the file has no content")
        for _ in range(HASH_TRIES):
            try:
                with self._open_regular(file.name) as content:
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

    def _open_regular(self, name: str) -> BufferedReader:
        """Open a file that is still a regular one: since the listing, a link may have come.

        Raises:
            Rejection: it is a link, lies behind one, or is no regular file.
            FileNotFoundError: it disappeared.
        """
        *folders, last = name.split("/")
        within = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for folder in folders:
                inner = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=within)
                os.close(within)
                within = inner
            # Without waiting for whoever would write into a FIFO.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
            descriptor = os.open(last, flags, dir_fd=within)
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

    def is_still(self, file: LandedFile, seen: SeenFile) -> bool:
        """Whether a file is the very one that was hashed, untouched since."""
        return _identity(self.path_of(file).lstat()) == seen.identity

    def remove(self, file: LandedFile) -> None:
        """Delete a file; one that is gone is no mistake."""
        self.path_of(file).unlink(missing_ok=True)

    def refused(self, feed: Feed) -> Iterator[tuple[str, LandedFile]]:
        """The files of a quarantine in the order of their ids, each with the folder of its id."""
        for path in sorted(self.path.glob("[0-9]*/")):
            folder = Folder(path)
            name = folder._name_of_refused(feed)
            if name is not None:
                # Where the feed file has changed, it may be of neither kind.
                yield path.name, folder.look(name, kind_of(feed, name) or KINDS[0])

    def _name_of_refused(self, feed: Feed) -> str | None:
        path = self.path
        while path.is_dir() and not path.is_symlink():
            inside = [
                found
                for found in sorted(path.iterdir())
                if found != self.path / REASON and not files.is_partial(found)
            ]
            if not inside:
                break
            path = inside[0]
            if kind_of(feed, path.relative_to(self.path).as_posix()):
                break  # it may be a folder that is called like a file
        return None if path == self.path else path.relative_to(self.path).as_posix()

    def write(self, name: str, text: str) -> None:
        """Write a note beside a file."""
        with files.written_whole(self.path / name) as partial:
            partial.write_text(text, encoding="utf-8")

    def read(self, name: str) -> str:
        """Read one."""
        return (self.path / name).read_text(encoding="utf-8")

    def clear(self) -> None:
        """Delete the folder with all that is in it."""
        shutil.rmtree(self.path)

    def remove_if_empty(self) -> None:
        """Delete the folder if nothing is left in it."""
        with suppress(OSError):
            self.path.rmdir()


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


def landing(settings: Settings) -> Place:
    """The landing folder."""
    return Folder(settings.raw_data_dir)


def archive(settings: Settings) -> Place:
    """Where loaded files go, `<kind>/<day>/<name>`."""
    return Folder(settings.archive_dir)


def quarantine(settings: Settings) -> Place:
    """Where refused files go, `<file id>/<name>` beside `reason.json`."""
    return Folder(settings.quarantine_dir)


def move(file: LandedFile, target: Place, name: str) -> None:
    """Move a file; it is always whole in at least one of the places.

    Raises:
        FileNotFoundError: it disappeared.
        OSError: it cannot be moved; to another file system only regular files can.
    """
    files.move(file.path, target.path_of(file._replace(name=name)))
