"""A place of log files in a bucket. Objects are read from copies on this machine, in the spool.

A copy is of one object, by its key and etag, so it never changes and a run that was stopped leaves
nothing to be mended. It lies below a digest: whatever a key looks like, it names no other path.
"""

from __future__ import annotations

import hashlib
import shutil
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from adtech_assets import files
from adtech_assets.contract import KINDS
from adtech_assets.errors import TransientError, UserError
from adtech_assets.feed.folders import Folder
from adtech_assets.feed.names import kind_of
from adtech_assets.feed.place import REASON, LandedFile
from adtech_assets.feed.rejections import Rejection
from adtech_assets.stores import objects
from adtech_assets.stores.objects import Object

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from adtech_assets.contract import Feed, Kind
    from adtech_assets.feed.ledger import LedgerRow, SeenFile


class Bucket(NamedTuple):
    """A folder of a bucket."""

    root: str
    """As in the settings, `s3://bucket/prefix`."""
    spool: Path
    below: str = ""
    """A folder of it, with `/` at its end."""

    def __str__(self) -> str:
        """Its address."""
        return f"{self.root}/{self.below}".rstrip("/")

    def exists(self) -> bool:
        """Always: a bucket has no folders but those that its objects' names have."""
        return True

    def within(self, folder: str) -> Bucket:
        """A folder in it, there or not."""
        return self._replace(below=f"{self.below}{folder}/")

    def folders(self) -> set[str]:
        """The names of the folders in it, by a single listing."""
        return objects.folders(self.root, self.below)

    def now(self) -> float:
        """The clock of the bucket's server."""
        return objects.clock(self.root)

    def entries(self, feed: Feed) -> Iterator[LandedFile]:
        """Its log files in the order of their names."""
        for found in objects.listed(self.root, self.below):
            file = _landed(self, found, feed)
            if file is not None:
                yield file

    def in_folders(self, feed: Feed, wanted: Collection[str]) -> dict[str, list[LandedFile]]:
        """The log files of some of the folders in it, by one listing from the first to the last."""
        found: dict[str, list[LandedFile]] = {}
        last = max(wanted)
        for each in objects.listed(self.root, self.below, after=self.below + min(wanted)):
            folder = each.name.removeprefix(self.below).partition("/")[0]
            if folder > last:
                break
            file = _landed(self.within(folder), each, feed) if folder in wanted else None
            if file is not None:
                found.setdefault(folder, []).append(file)
        return found

    def look(self, name: str, kind: Kind) -> LandedFile:
        """A single file."""
        return _file(self, objects.look(self.root, self.below + name), kind)

    def has(self, name: str) -> bool:
        """Whether anything is called so."""
        try:
            objects.look(self.root, self.below + name)
        except FileNotFoundError:
            return False
        return True

    def shown(self, name: str) -> str:
        """Its address."""
        return f"{self.root}/{self.below}{name}"

    def path_of(self, file: LandedFile) -> Path:
        """Where its copy is, or will be."""
        digest = hashlib.sha256(f"{self.shown(file.name)}\n{file.etag}".encode()).hexdigest()[:32]
        name = file.name.rpartition("/")[2]
        is_long = len(name.encode()) > files.LONGEST_NAME_BYTES
        return self.spool / digest / (digest if is_long else name)

    def _object(self, file: LandedFile) -> Object:
        return Object(self.below + file.name, file.bytes, file.modified_ns, file.etag, file.version)

    def fingerprint(self, file: LandedFile) -> SeenFile:
        """Hash its copy, which is made unless a run that was stopped has left it."""
        if file.bytes == 0:
            raise Rejection("empty_file", "the file has no content")
        path = self.path_of(file)
        if path.exists():
            found = objects.look(self.root, self.below + file.name)
        else:
            found = objects.download(self.root, self._object(file), path)
        copy = Folder(path.parent)
        return replace(
            copy.fingerprint(copy.look(path.name, file.kind)),
            file_name=file.name,
            modified_ns=file.modified_ns,
            object_key=self.shown(file.name),
            object_etag=file.etag,
            object_version=found.version if found.etag == file.etag else None,
        )

    def is_still(self, file: LandedFile, seen: SeenFile) -> bool:
        """Whether the copy is untouched; what became of the object meanwhile is another file."""
        copy = Folder(self.path_of(file).parent)
        return copy.is_still(file._replace(name=self.path_of(file).name), seen)

    def check_deletable(self, file: LandedFile) -> None:
        """Look whether the bucket keeps versions."""
        with suppress(FileNotFoundError):
            if not objects.is_exact(self.root, objects.look(self.root, self.below + file.name)):
                raise UserError(
                    f"ADTECH_PROCESSED_FILES=delete is refused for {self.root}, which keeps no "
                    "versions: what is delivered in the moment of the deletion would be lost. Turn "
                    "versioning on (S3), or set it to archive or keep."
                )

    def counted(self, file: LandedFile, row: LedgerRow) -> LandedFile | None:
        """The object that was read, by its version, be there another one in front of it."""
        read = file._replace(bytes=row.bytes, etag=row.object_etag, version=row.object_version)
        if file.etag == row.object_etag:
            return read
        with suppress(Rejection, FileNotFoundError):
            if file.bytes == row.bytes and self.fingerprint(file).sha256 == row.sha256:
                return file
        if row.object_etag is not None:  # as it is of what was read in a folder
            with suppress(FileNotFoundError, TransientError):
                self.fetch(read)
                return read
        return None

    def fetch(self, file: LandedFile) -> Path:
        """Copy it to this machine, unless that has been done; by its version where it is known."""
        path = self.path_of(file)
        if not path.exists():
            objects.download(self.root, self._object(file), path)
        return path

    def take(self, path: Path, name: str) -> None:
        """Copy a file into the bucket."""
        objects.upload(self.root, path, self.below + name)

    def remove(self, file: LandedFile) -> None:
        """Delete it, and equal objects that were delivered since under its name; no other one."""
        if objects.is_exact(self.root, self._object(file)):
            objects.delete_exactly(self.root, self._object(file))
        with suppress(FileNotFoundError):
            while (found := objects.look(self.root, self.below + file.name)).etag == file.etag:
                if not objects.delete_exactly(self.root, found) or found.version is None:
                    break
        shutil.rmtree(self.path_of(file).parent, ignore_errors=True)

    def refused(self, feed: Feed) -> Iterator[tuple[str, LandedFile]]:
        """The files of a quarantine in the order of their ids, each with the folder of its id."""
        for found in objects.listed(self.root, self.below):
            number, _, name = found.name.removeprefix(self.below).partition("/")
            if number[:1].isdigit() and name not in ("", REASON):
                # Where the feed file has changed, it may be of neither kind.
                kind = kind_of(feed, name) or KINDS[0]
                yield number, _file(self.within(number), found, kind)

    def write(self, name: str, text: str) -> None:
        """Write a note beside a file."""
        objects.write(self.root, self.below + name, text.encode())

    def read(self, name: str) -> str:
        """Read one."""
        return objects.read(self.root, self.below + name).decode()

    def clear(self) -> None:
        """Delete all that is in it."""
        for found in list(objects.listed(self.root, self.below)):
            objects.delete(self.root, found.name)

    def remove_if_empty(self) -> None:
        """Nothing: a folder is where its files are."""


def _landed(place: Bucket, found: Object, feed: Feed) -> LandedFile | None:
    """An object as a log file, if its name is one's: folders as deep as in a folder."""
    name = found.name.removeprefix(place.below)
    kind = kind_of(feed, name)
    *folders, _ = name.split("/")
    is_too_deep = feed.depth is not None and len(folders) > feed.depth
    if kind is None or is_too_deep or any(folder.startswith(".") for folder in folders):
        return None
    return _file(place, found, kind)


def _file(place: Bucket, found: Object, kind: Kind) -> LandedFile:
    return LandedFile(
        place,
        found.name.removeprefix(place.below),
        kind,
        found.bytes,
        found.modified_ns,
        is_regular=True,
        etag=found.etag,
        version=found.version,
    )
