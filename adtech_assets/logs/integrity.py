"""Whether a file's bytes are those that its footer tells of.

Readers look at nothing but what the footer points to, and none that is fast enough compares a
page's checksum. So half of two files that were joined would be counted, and a flipped bit too.
"""

from __future__ import annotations

import zlib
from io import BytesIO
from typing import TYPE_CHECKING

from adtech_assets.logs import footer
from adtech_assets.logs.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from typing import BinaryIO

    import pyarrow.parquet as pq

    from adtech_assets.logs.footer import Chunk, Page

MAGIC = b"PAR1"
"""A parquet file begins with it, and ends."""

MOST_BEGINNINGS = 10_000
"""That are looked at, some µs each: a value may look like one, but that many do not by chance."""

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
    return is_one and all(_is_as_checked(BytesIO(content), chunk) for chunk in chunks)


def check(content: BinaryIO, metadata: pq.FileMetaData, columns: Collection[int]) -> None:
    """Refuse a file whose bytes are others than its footer tells of.

    Args:
        content: the open file.
        metadata: its footer.
        columns: the numbers of those that are read.

    Raises:
        Refusal: `not_parquet`, `incomplete` or `corrupt_data`.
    """
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    ends = [_chunk(group.column(n))[1] for group in groups for n in range(metadata.num_columns)]
    read = [group.column(number) for group in groups for number in columns]
    chunks = [_chunk(column) for column in read]
    _check_beginning(content, max(ends, default=len(MAGIC)), chunks[:1])
    for column, chunk in zip(read, chunks, strict=True):
        if not _is_as_checked(content, chunk):
            detail = f"a page of {column.path_in_schema} contradicts its checksum"
            raise Refusal("corrupt_data", detail)


def _check_beginning(content: BinaryIO, data_end: int, chunks: Sequence[Chunk]) -> None:
    """Refuse a file that another one lies before: its rows would be lost.

    The footer counts from where its own file begins. So that is where its chunks are found, and
    what lies before is as long as what nobody accounts for, behind the data, or shorter.
    """
    if _read(content, 0, len(MAGIC)) != MAGIC:
        raise Refusal("not_parquet", "it does not begin as a parquet file does")
    most = footer.locate(content)[0] - data_end
    for number, at in enumerate(_found(content, MAGIC, most)):
        is_beginning = all(_is_chunk(content, (at + start, at + end)) for start, end in chunks)
        if is_beginning or number == MOST_BEGINNINGS:
            raise Refusal("incomplete", f"another file lies before it, of {at:,} bytes")


def _is_chunk(content: BinaryIO, chunk: Chunk) -> bool:
    """Whether pages fill it to its end."""
    end = chunk[0]
    try:
        for at, page in _pages(content, chunk):
            end = at + page.body_bytes
    except LookupError:
        return False
    return end == chunk[1]


def _is_as_checked(content: BinaryIO, chunk: Chunk) -> bool:
    """Whether no page contradicts its checksum, if it has one."""
    try:
        for at, page in _pages(content, chunk):
            if page.checksum is None:
                break  # writers have one for each page, or for none
            if page.checksum != _checksum(content, at, page.body_bytes):
                return False
    except LookupError:
        """No header that is known here: who decodes the page will tell."""
    return True


def _pages(content: BinaryIO, chunk: Chunk) -> Iterator[tuple[int, Page]]:
    """The pages of a chunk, and where the body of each begins.

    Raises:
        LookupError: something lies there that is no page.
    """
    at, end = chunk
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


def _chunk(column: pq.ColumnChunkMetaData) -> Chunk:
    return footer.chunk(
        column.data_page_offset, column.dictionary_page_offset, column.total_compressed_size
    )


def _found(content: BinaryIO, wanted: bytes, most: int) -> Iterator[int]:
    """Where some bytes are found, behind the first one and up to the last that is named."""
    for start in range(1, most + 1, BLOCK_BYTES):
        block = _read(content, start, min(BLOCK_BYTES, most + 1 - start) + len(wanted) - 1)
        at = block.find(wanted)
        while at >= 0:
            yield start + at
            at = block.find(wanted, at + 1)


def _read(content: BinaryIO, start: int, size: int) -> bytes:
    content.seek(start)
    return content.read(size)
