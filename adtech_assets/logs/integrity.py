"""Whether a file's bytes are those that its footer tells of.

Readers look at nothing but what the footer points to, and none that is fast enough compares a
page's checksum. So half of two files that were joined would be counted, and a flipped bit too.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from adtech_assets.logs import footer
from adtech_assets.logs.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from typing import BinaryIO

    from adtech_assets.logs.footer import Chunk

MAGIC = b"PAR1"
"""A parquet file begins with it, and ends."""

BLOCK_BYTES = 2**22
HEADER_BYTES = 2**16
"""Enough for any page's header: its statistics may quote a value."""


def is_plainly_intact(content: bytes, chunks: Iterable[Chunk]) -> bool:
    """Whether nothing speaks against a small file; if not, `check` finds out what.

    Args:
        content: all of the file.
        chunks: of the columns that are read.
    """
    is_one = content.startswith(MAGIC) and content.find(MAGIC, 1) == len(content) - len(MAGIC)
    try:
        return is_one and all(
            checksum is None or zlib.crc32(content[start:end]) == checksum
            for chunk in chunks
            for start, end, checksum in _pages_of(content, chunk)
        )
    except LookupError:
        return False


def check(content: BinaryIO, metadata: pq.FileMetaData, columns: Collection[int]) -> None:
    """Refuse a file whose bytes are others than its footer tells of.

    Args:
        content: the open file.
        metadata: its footer.
        columns: the numbers of those that are read.

    Raises:
        Refusal: `incomplete` or `corrupt_data`.
    """
    _check_beginning(content, metadata, columns)
    for group in range(metadata.num_row_groups):
        for column in columns:
            found = metadata.row_group(group).column(column)
            if not _is_as_checked(content, _chunk(found)):
                raise Refusal(
                    "corrupt_data", f"a page of {found.path_in_schema} contradicts its checksum"
                )


def _check_beginning(
    content: BinaryIO, metadata: pq.FileMetaData, columns: Collection[int]
) -> None:
    """Refuse a file that another one lies before: its rows would be lost."""
    if _read(content, 0, len(MAGIC)) != MAGIC:
        raise Refusal("not_parquet", "it does not begin as a parquet file does")
    ends = (
        _chunk(group.column(column))[1]
        for group in map(metadata.row_group, range(metadata.num_row_groups))
        for column in range(metadata.num_columns)
    )
    # The footer counts from where its own file begins: so many bytes nobody accounts for.
    before = footer.locate(content)[0] - max(ends, default=len(MAGIC))
    for at in _found(content, MAGIC, before):
        if _is_a_file_from(content, at, columns):
            raise Refusal("incomplete", f"another file of {at:,} bytes lies before it")


def _is_a_file_from(content: BinaryIO, at: int, columns: Collection[int]) -> bool:
    """Whether what begins at a byte can be read: elsewhere nothing is where the footer says."""
    try:
        found = pq.ParquetFile(pa.BufferReader(_read(content, at, footer.size(content) - at)))
        if found.num_row_groups:
            names = [found.metadata.row_group(0).column(n).path_in_schema for n in columns]
            found.read_row_group(0, names)
    except (pa.ArrowException, OSError):
        return False
    return True


def _is_as_checked(content: BinaryIO, chunk: Chunk) -> bool:
    """Whether no page contradicts its checksum, if it has one."""
    at, end = chunk
    while at < end:
        try:
            page = footer.page(_read(content, at, min(HEADER_BYTES, end - at)))
        except LookupError:
            return True  # no header that is known here: who decodes it will tell
        if page.checksum is None:
            return True  # writers have one for each page, or for none
        at += page.header_bytes
        checksum = 0
        for start in range(at, at + page.body_bytes, BLOCK_BYTES):
            size = min(BLOCK_BYTES, at + page.body_bytes - start)
            checksum = zlib.crc32(_read(content, start, size), checksum)
        if checksum != page.checksum:
            return False
        at += page.body_bytes
    return True


def _pages_of(content: bytes, chunk: Chunk) -> Iterator[tuple[int, int, int | None]]:
    """First byte, end and checksum of each page; the first only if it has no checksum."""
    at, end = chunk
    while at < end:
        page = footer.page(content[at : at + HEADER_BYTES])
        at += page.header_bytes
        yield at, at + page.body_bytes, page.checksum
        if page.checksum is None:
            return
        at += page.body_bytes


def _chunk(column: pq.ColumnChunkMetaData) -> Chunk:
    start = column.data_page_offset
    if column.dictionary_page_offset is not None:
        start = min(start, column.dictionary_page_offset)
    return start, start + column.total_compressed_size


def _found(content: BinaryIO, wanted: bytes, most: int) -> Iterator[int]:
    """Where some bytes are found, after the first and up to a byte."""
    for start in range(1, most + 1, BLOCK_BYTES):
        block = _read(content, start, min(BLOCK_BYTES, most + 1 - start) + len(wanted) - 1)
        at = block.find(wanted)
        while at >= 0:
            yield start + at
            at = block.find(wanted, at + 1)


def _read(content: BinaryIO, start: int, size: int) -> bytes:
    content.seek(start)
    return content.read(size)
