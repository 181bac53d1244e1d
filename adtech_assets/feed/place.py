"""What a log file that lies somewhere is, and what is asked of the place where it lies."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path
    from typing import Self

    from adtech_assets.contract import Feed, Kind
    from adtech_assets.feed.ledger import LedgerRow, SeenFile

REASON = "reason.json"
"""Beside a refused file."""


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
    etag: str | None = None
    """Of an object in a bucket."""
    version: str | None = None
    """Of the same, where the bucket keeps versions and it is known: a listing does not tell it."""

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

    def in_folders(self, feed: Feed, wanted: Collection[str]) -> dict[str, list[LandedFile]]:
        """The log files of some of the folders in it, of those that are there."""

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

    def check_deletable(self, file: LandedFile) -> None:
        """Look whether files may be deleted as soon as they are loaded, by one of them.

        Raises:
            UserError: what is delivered meanwhile might be deleted instead.
        """

    def counted(self, file: LandedFile, row: LedgerRow) -> LandedFile | None:
        """The file that the ledger has counted under a file's name; None if it is not there.

        Raises:
            TransientError: it changes while it is looked at.
        """

    def fetch(self, file: LandedFile) -> Path:
        """The file on this machine, whole.

        Raises:
            OSError: it is no regular file, or not there any more.
        """

    def take(self, path: Path, name: str) -> None:
        """Put a file of this machine here, under another name; it may be moved."""

    def remove(self, file: LandedFile) -> None:
        """Delete a file; one that is gone, or in whose place there is another, is no mistake."""

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
