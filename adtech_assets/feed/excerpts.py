"""Some columns of many small files as one parquet file.

Polars takes apart what each footer says of all 700 columns, 0.8 ms a file, whichever are read. Here
the column chunks that are read are laid one behind the other, untouched, as the row groups of one
file whose footer tells of nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from adtech_assets.feed import thrift
from adtech_assets.feed.footer import MAGIC, ROW_GROUPS, ROWS, SCHEMA
from adtech_assets.feed.thrift import BINARY, INTEGER, LIST, LONG, STRUCT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from adtech_assets.feed.footer import Chunk

    Path = tuple[str, ...]
    """Of a column or a group: names from the outermost group on."""

# Fields of a footer, of a schema's element, and of a column chunk's metadata.
_VERSION = 1
_TYPE, _REPETITION, _NAME, _CHILDREN = 1, 3, 4, 5
_CHUNK_TYPE, _CHUNK_ENCODINGS, _CHUNK_PATH = 1, 2, 3

_MOST_BYTES = 2**20
_MOST_DEPTH = 100
"""Of a schema, and of groups within each other: more is read without an excerpt. The feed has 20 KB
and four."""

_END = b"\0"
"""Of a struct."""


@dataclass(frozen=True)
class Selection:
    """Some columns of a schema, as the footer of an excerpt tells of them."""

    schema: bytes
    """The same for files that may be in one excerpt."""
    heads: tuple[bytes, ...] = field(compare=False)
    """Of each column, what is written of a chunk before its codec."""

    @staticmethod
    def of(schema: bytes, columns: Sequence[Path]) -> Selection | None:
        """Select columns; None if the schema is not written as usual.

        Args:
            schema: a footer's beginning.
            columns: in the order of the schema; none of them is repeated.
        """
        if len(schema) > _MOST_BYTES:
            return None
        try:
            found = dict(_elements(schema))
            elements = [found[()].of_children(columns, 0), *_selected(found, (), columns)]
            heads = tuple(_head(found[column], column) for column in columns)
        except LookupError:
            return None
        return Selection(thrift.of_list(STRUCT, elements), heads)


@dataclass(frozen=True)
class Part:
    """What a file gives to an excerpt."""

    selection: Selection
    rows: int
    chunks: tuple[Chunk, ...]
    """Of the selected columns, as they lie in the file."""
    data: bytes
    """Theirs, one behind the other."""

    @property
    def decoded_bytes(self) -> int:
        """What they have once they are decoded."""
        return sum(chunk.decoded_bytes for chunk in self.chunks)

    @staticmethod
    def of(selection: Selection, rows: int, chunks: tuple[Chunk, ...], content: bytes) -> Part:
        """Take it out of what a file holds."""
        data = b"".join([content[chunk.start : chunk.end] for chunk in chunks])
        return Part(selection, rows, chunks, data)


def excerpt(parts: Sequence[Part]) -> bytes:
    """A parquet file of parts of one selection, with a row group for each, in their order."""
    row_groups = []
    at = len(MAGIC)
    for part in parts:
        columns = []
        for head, chunk in zip(part.selection.heads, part.chunks, strict=True):
            columns.append(head + _moved(chunk, at - chunk.start))
            at += chunk.bytes
        row_groups.append(_row_group(columns, part.rows))
    footer = thrift.of_struct(
        (_VERSION, INTEGER, thrift.of_signed(1)),
        (SCHEMA, LIST, parts[0].selection.schema),
        (ROWS, LONG, thrift.of_signed(sum(part.rows for part in parts))),
        (ROW_GROUPS, LIST, thrift.of_list(STRUCT, row_groups)),
    )
    data = [part.data for part in parts]
    return b"".join((MAGIC, *data, footer, len(footer).to_bytes(4, "little"), MAGIC))


def _row_group(columns: Sequence[bytes], rows: int) -> bytes:
    unknown = thrift.of_signed(0)
    return thrift.of_struct(
        (1, LIST, thrift.of_list(STRUCT, columns)),
        (2, LONG, unknown),  # bytes of all columns
        (3, LONG, thrift.of_signed(rows)),
    )


def _moved(chunk: Chunk, by: int) -> bytes:
    """What is written of a chunk that lies elsewhere now, from its codec on."""
    codec, values, decoded_bytes, bytes_, data_page, dictionary_page = chunk
    written = b"\x15%b\x16%b\x16%b\x16%b\x26%b" % (
        thrift.of_signed(codec),
        thrift.of_signed(values),
        thrift.of_signed(decoded_bytes),
        thrift.of_signed(bytes_),
        thrift.of_signed(data_page + by),
    )
    if dictionary_page:
        written += b"\x26" + thrift.of_signed(dictionary_page + by)
    return written + b"\0\0"


def _head(column: _Element, path: Path) -> bytes:
    names = [thrift.of_text(name.encode()) for name in path]
    metadata = thrift.of_struct(
        (_CHUNK_TYPE, INTEGER, thrift.of_signed(column.numbers[_TYPE])),
        (_CHUNK_ENCODINGS, LIST, thrift.of_list(INTEGER, [])),  # each page has its own
        (_CHUNK_PATH, LIST, thrift.of_list(BINARY, names)),
    )
    place = thrift.of_struct((2, LONG, thrift.of_signed(0)), (3, STRUCT, metadata))
    return place.removesuffix(b"\0\0")


@dataclass(frozen=True)
class _Element:
    """A group or a column of a schema."""

    written: bytes
    name: str
    numbers: Mapping[int, int]

    def of_children(self, columns: Iterable[Path], depth: int) -> bytes:
        """A group of some columns, which lies at a depth."""
        names = {column[depth] for column in columns}
        repetition = self.numbers.get(_REPETITION)
        return thrift.of_struct(
            *([(_REPETITION, INTEGER, thrift.of_signed(repetition))] if repetition else []),
            (_NAME, BINARY, thrift.of_text(self.name.encode())),
            (_CHILDREN, INTEGER, thrift.of_signed(len(names))),
        )


def _selected(
    found: Mapping[Path, _Element], above: Path, columns: Iterable[Path]
) -> Iterator[bytes]:
    """Elements of columns in a group, and of the groups between."""
    for name, grouped in groupby(columns, lambda column: column[len(above)]):
        path, below = (*above, name), list(grouped)
        if path in below:
            yield found[path].written
        else:
            yield found[path].of_children(below, len(path))
            yield from _selected(found, path, below)


def _elements(schema: bytes) -> Iterator[tuple[Path, _Element]]:
    """What the schema lists: each group, of which the outermost has no name, before its content.

    Raises:
        LookupError: it lists something else.
    """
    listed = {number: begin for number, _, begin, _ in thrift.fields(schema + _END, 0)}
    length, _, at = thrift.elements(schema, listed[SCHEMA])
    above: list[str] = []
    to_come = [1]
    for _ in range(length):
        element, at = _element(schema, at)
        while not to_come[-1]:
            to_come.pop()
            above.pop()
        to_come[-1] -= 1
        yield (*above, element.name)[1:], element
        children = element.numbers.get(_CHILDREN, 0)
        if children > 0:
            if len(above) == _MOST_DEPTH:
                raise LookupError(_MOST_DEPTH)
            to_come.append(children)
            above.append(element.name)


def _element(schema: bytes, begin: int) -> tuple[_Element, int]:
    """The element that begins here, and where it ends."""
    name, numbers = b"", {}
    for number, kind, at, _ in thrift.fields(schema, begin):
        if kind in thrift.INTEGERS:
            numbers[number] = thrift.signed(schema, at)
        elif (number, kind) == (_NAME, BINARY):
            name = thrift.text(schema, at)
    end = thrift.skip(schema, begin, STRUCT)
    return _Element(schema[begin:end], name.decode(errors="surrogateescape"), numbers), end
