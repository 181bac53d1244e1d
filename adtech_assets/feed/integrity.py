"""Whether a file's bytes are those that its footer tells of.

Readers look at nothing but what the footer points to, and none that is fast enough compares a
page's checksum. So half of two files that were joined would be counted, and a flipped bit too.
"""

from __future__ import annotations

import zlib
from itertools import islice
from typing import TYPE_CHECKING

from adtech_assets.feed import footer
from adtech_assets.feed.footer import MAGIC
from adtech_assets.feed.rejections import Rejection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import BinaryIO

    from adtech_assets.feed.footer import Chunk, Page

MOST_BEGINNINGS = 10_000
"""That are looked at, some µs each: a value may look like one, but so many do not by chance."""

BLOCK_BYTES = 2**22
HEADER_BYTES = 2**16
"""Enough for any page's header: its statistics may quote a value."""


def is_plainly_intact(content: BinaryIO, chunks: Sequence[Chunk]) -> bool:
    """Whether nothing speaks against a small file; if not, `check` finds out what.

    Args:
        content: the open file.
        chunks: of the columns that are read.
    """
    end = footer.locate(content)[0]
    data = _read(content, 0, end)
    is_one = data.startswith(MAGIC) and data.find(MAGIC, 1) < 0
    return is_one and _fit(chunks, end) and _are_as_checked(content, chunks)


def check(content: BinaryIO, columns: Iterable[tuple[str, ...]], row_groups: int) -> None:
    """Refuse a file whose bytes are others than its footer tells of.

    The footer is read here, for pyarrow ends the process at a column that is encrypted.

    Args:
        content: the open file.
        columns: that are read, each as its groups and field.
        row_groups: how many the file has.

    Raises:
        Rejection: `not_parquet`, `incomplete` or `corrupt_data`.
    """
    if _read(content, 0, len(MAGIC)) != MAGIC:
        raise Rejection("not_parquet", "it does not begin as a parquet file does")
    decoded = footer.decoded(footer.read(content), columns)
    chunks = decoded.chunks if decoded is not None else ()
    end = footer.locate(content)[0]
    if not _fit(chunks, end):
        raise Rejection("corrupt_data", "its footer tells of bytes that it does not have")
    if chunks or not row_groups:
        _check_beginning(content, end, chunks[:1])
    if not _are_as_checked(content, chunks):
        raise Rejection("corrupt_data", "a page contradicts its checksum")


def _check_beginning(content: BinaryIO, end: int, chunks: Sequence[Chunk]) -> None:
    """Refuse a file that another one lies before: its rows would be lost.

    The footer counts from where its own file begins, so that is where its chunks are found.
    """
    for at in islice(_found(content, MAGIC, end), MOST_BEGINNINGS):
        if all(_is_chunk(content, at + chunk.start, at + chunk.end) for chunk in chunks):
            raise Rejection("incomplete", f"another file lies before it, of {at:,} bytes")


def _is_chunk(content: BinaryIO, start: int, end: int) -> bool:
    """Whether pages fill it to its end."""
    at = start
    try:
        for body, page in _pages(content, start, end):
            at = body + page.body_bytes
    except LookupError:
        return False
    return at == end


def _fit(chunks: Sequence[Chunk], end: int) -> bool:
    """Whether all of them end before the footer begins, side by side."""
    return all(chunk.end <= end for chunk in chunks) and sum(c.bytes for c in chunks) <= end


def _are_as_checked(content: BinaryIO, chunks: Iterable[Chunk]) -> bool:
    """Whether no page contradicts its checksum, if the file has any."""
    for chunk in chunks:
        try:
            for at, page in _pages(content, chunk.start, chunk.end):
                if page.checksum is None:
                    return True  # writers have one for each page, or for none: 2 ms of 36 columns
                if page.checksum != _checksum(content, at, page.body_bytes):
                    return False
        except LookupError:
            """No header that is known here: who decodes the page will tell."""
    return True


def _pages(content: BinaryIO, at: int, end: int) -> Iterator[tuple[int, Page]]:
    """The pages between two places, and where the body of each begins.

    Raises:
        LookupError: something lies there that is no page.
    """
    while at < end:
        page = footer.page(_read(content, at, min(HEADER_BYTES, end - at)))
        at += page.header_bytes
        yield at, page
        at += page.body_bytes


def _checksum(content: BinaryIO, start: int, size: int) -> int:
    checksum = 0
    for at in range(start, start + size, BLOCK_BYTES):
        checksum = zlib.crc32(_read(content, at, min(BLOCK_BYTES, start + size - at)), checksum)
    return checksum


def _found(content: BinaryIO, wanted: bytes, end: int) -> Iterator[int]:
    """Where some bytes are found, behind the first one and before an end."""
    for start in range(1, end, BLOCK_BYTES):
        block = _read(content, start, min(BLOCK_BYTES + len(wanted) - 1, end - start))
        at = block.find(wanted)
        while at >= 0:
            yield start + at
            at = block.find(wanted, at + 1)


def _read(content: BinaryIO, start: int, size: int) -> bytes:
    content.seek(start)
    return content.read(size)
