"""A folder of log files on this machine.

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
from typing import TYPE_CHECKING, NamedTuple

from adtech_assets import files
from adtech_assets.contract import KINDS
from adtech_assets.errors import TransientError, UserError
from adtech_assets.feed.ledger import SeenFile
from adtech_assets.feed.names import kind_of
from adtech_assets.feed.place import REASON, LandedFile
from adtech_assets.feed.rejections import Rejection

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from contextlib import AbstractContextManager
    from io import BufferedReader

    from adtech_assets.contract import Feed, Kind
    from adtech_assets.feed.ledger import LedgerRow

HASH_TRIES = 3

NOT_A_FILE = "only regular files are taken: no links, folders or devices"


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

    def in_folders(self, feed: Feed, wanted: Collection[str]) -> dict[str, list[LandedFile]]:
        """The log files of some of the folders in it, of those that are there."""
        # A look for a folder of each day since the start date took 10 ms a year.
        there = self.folders()
        return {
            name: list(folder.entries(feed))
            for name in wanted
            if name in there and (folder := self.within(name)).exists()
        }

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

    def check_deletable(self, file: LandedFile) -> None:
        """They may."""

    def counted(self, file: LandedFile, row: LedgerRow) -> LandedFile | None:
        """The file itself, if it has the bytes that were counted."""
        if not file.is_regular or file.bytes != row.bytes:
            return None
        # Hashed again only when the file was touched since, for example delivered once more.
        if file.modified_ns == row.modified_ns:
            return file
        try:
            return file if self.fingerprint(file).sha256 == row.sha256 else None
        except (Rejection, FileNotFoundError):
            return None

    def fetch(self, file: LandedFile) -> Path:
        """Where it lies."""
        if not file.is_regular:
            raise OSError(errno.EINVAL, NOT_A_FILE, str(file.path))
        return self.path_of(file)

    def take(self, path: Path, name: str) -> None:
        """Move a file here, under another name."""
        files.move(path, self.path / name)

    def remove(self, file: LandedFile) -> None:
        """Delete a file; one that is gone, or that has changed since, is no mistake."""
        path = self.path_of(file)
        with suppress(FileNotFoundError):
            status = path.lstat()
            if (status.st_size, status.st_mtime_ns) == (file.bytes, file.modified_ns):
                path.unlink()

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
