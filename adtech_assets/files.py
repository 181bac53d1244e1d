"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PARTIAL_SUFFIX = ".partial"
"""Unfinished files are hidden and end so; whoever writes the same file again replaces them."""

DISK_FAULTS = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG),  # full
    *(errno.EROFS, errno.EACCES, errno.EPERM),  # read-only
    errno.ENOTDIR,
)
"""Numbers of errors that a person can mend, and no code."""

LONGEST_NAME_BYTES = 255
"""Of a file, on every usual file system."""


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a hidden path beside `path`; what is written there becomes `path` on success.

    The content is on disk before the name is, so that a power cut leaves the old file or the new.
    Of several writers of one file, one waits for the other; the last one's content stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = partial_of(path)
    held = _held(partial)
    try:
        yield partial
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.replace(path)
    except OSError as error:
        # Of a write to an open file; whoever reads it asks which.
        if error.errno is not None and error.filename is None:
            error.filename = str(path)
        raise
    finally:
        partial.unlink(missing_ok=True)
        os.close(held)


def _held(partial: Path) -> int:
    """Open a file to be written, once nobody else writes it; who is killed holds nothing."""
    while True:
        held = os.open(partial, os.O_RDWR | os.O_CREAT, 0o666)
        fcntl.flock(held, fcntl.LOCK_EX)
        try:
            if os.path.samestat(os.fstat(held), partial.stat()):
                return held
        except FileNotFoundError:
            pass  # it has become whole meanwhile
        os.close(held)


@contextlib.contextmanager
def opened_as(folder: Path) -> Iterator[None]:
    """Make files for those whom this folder lets in, instead of for this user alone.

    It is of the whole process, so for pieces of work that nothing else goes on beside.
    """
    before = os.umask(~folder.stat().st_mode & 0o777)
    try:
        yield
    finally:
        os.umask(before)


def partial_of(path: Path) -> Path:
    """Where a file is written until it is whole."""
    partial = path.with_name(f".{path.name}{PARTIAL_SUFFIX}")
    if len(os.fsencode(partial.name)) <= LONGEST_NAME_BYTES:
        return partial
    name = hashlib.sha256(os.fsencode(path.name)).hexdigest()
    return path.with_name(f".{name}{PARTIAL_SUFFIX}")


def is_partial(path: Path) -> bool:
    """Whether this is a file that has not become whole."""
    return path.name.startswith(".") and path.name.endswith(PARTIAL_SUFFIX)


def move(path: Path, target: Path) -> None:
    """Move a file, across file systems too; it is always whole in at least one of the places.

    Raises:
        OSError: it cannot be moved; to another file system only regular files can.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV or not path.is_file() or path.is_symlink():
            raise
        with written_whole(target) as partial:
            shutil.copy2(path, partial, follow_symlinks=False)
        path.unlink()
    else:
        # Left by a kill, when it was another file system.
        partial_of(target).unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """Content hash, in hexadecimal."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
