"""Whether a log file keeps the feed's contract, and how it has the columns that are read.

A file may have any number of other columns, each file its own. What is required must be there;
what is there must be of the type that the feed says: nothing is guessed.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from adtech_assets.contract import KINDS
from adtech_assets.feed import footer, integrity
from adtech_assets.feed.drift import Schemas
from adtech_assets.feed.excerpts import Part, Selection
from adtech_assets.feed.rejections import Rejection

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from typing import BinaryIO

    from adtech_assets.contract import Column, Feed, Kind
    from adtech_assets.feed.footer import Decoded

    Leaf = tuple[str, ...]
    """A column that parquet stores: names from the outermost group to the field."""

# Parquet's own physical and logical types: Arrow's note in a file says how its writer had them in
# memory, a dictionary or a duration, and nothing of what is stored.
INTEGERS = {("INT32", "NONE"), ("INT32", "INT"), ("INT64", "NONE"), ("INT64", "INT")}
STORED_TYPES = {
    "string": {("BYTE_ARRAY", "STRING")},
    "integer": INTEGERS,
    "epoch": INTEGERS,
    "boolean": {("BOOLEAN", "NONE")},
    "timestamp": {("INT64", "TIMESTAMP"), ("INT96", "NONE")},
    "decimal": {
        *(
            (stored, "DECIMAL")
            for stored in ("INT32", "INT64", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY")
        ),
        *INTEGERS,
    },
}

SCALED = ("lo", "hi", "signScale")
"""Fields of a decimal in parts: 96 bits of digits, and twice its scale with the sign below."""

MOST_ROWS = 100_000_000
MOST_DECODED_BYTES = 4 * 2**30
"""Of a file's columns that are read: a few KB may expand to more than any machine has. The largest
hourly files that were measured have 139,000 rows."""

SMALL_FILE_BYTES = 4 * 2**20
SMALL_ROWS = 100_000
SMALL_DECODED_BYTES = 256 * 2**20
"""A file of more is large, however few bytes it has: Polars decodes a batch as a whole."""

MESSAGE_TYPE_KEY = "parquet.proto.class"
"""Under it a writer notes the message type of the rows."""


@dataclass(frozen=True)
class Layout:
    """How a file has the columns of the feed."""

    types: tuple[tuple[str, pa.DataType | None], ...]
    """By the column's name; None: it is not there."""
    leaves: tuple[tuple[Leaf, pa.DataType], ...]
    """What parquet stores of them, in its order."""

    def __hash__(self) -> int:
        """Worked out once: it is asked for each file, 44 leaves long."""
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash((self.types, self.leaves))

    @cached_property
    def paths(self) -> tuple[Leaf, ...]:
        """Where it is stored."""
        return tuple(leaf for leaf, _ in self.leaves)

    @cached_property
    def missing(self) -> tuple[str, ...]:
        """Names of the columns that are not there."""
        return tuple(name for name, type_ in self.types if type_ is None)


@dataclass(frozen=True)
class Looked:
    """What can be known of an acceptable file before its rows are read."""

    layout: Layout
    schema_fingerprint: str
    """Files of one kind that differ in it have different columns."""
    rows: int
    """As the footer promises."""
    decoded: Decoded | None
    """How large the columns are, if the footer says it as writers usually do."""
    part: Part | None = None
    """Of a small file: it is read as part of an excerpt."""


@dataclass(frozen=True)
class _Known:
    """What files of one schema have in common."""

    layout: Layout
    columns: footer.Columns
    selection: Selection | None


class Inspector:
    """Looks at the files of a kind; what files of one schema have in common is found out once."""

    def __init__(self, feed: Feed, kind: Kind) -> None:
        """Know no schema yet."""
        self._feed = feed
        self._kind = kind
        self._schemas = Schemas()
        self._known: dict[tuple[str, str], _Known] = {}

    def look(self, path: Path) -> Looked:
        """Compare a file's schema with the contract, and its bytes with its footer.

        Raises:
            Rejection: as `check`.
            OSError: the file is gone or cannot be opened.
        """
        # Opened here, because pyarrow leaves a file open that it cannot read.
        with path.open("rb") as opened:
            is_small = opened.seek(0, 2) <= SMALL_FILE_BYTES
            opened.seek(0)
            return self._look(io.BytesIO(opened.read()) if is_small else opened)

    def _look(self, opened: BinaryIO) -> Looked:
        content = footer.read(opened)
        fingerprint, schema_bytes = self._schemas.fingerprint(content)
        key = fingerprint, footer.note(content, MESSAGE_TYPE_KEY)
        rows = None
        if key not in self._known:
            layout, rows = check(opened, self._feed, self._kind)
            selection = Selection.of(content[:schema_bytes], layout.paths)
            self._known[key] = _Known(layout, footer.Columns(layout.paths), selection)
        known = self._known[key]
        decoded = known.columns.decoded(content, schema_bytes)
        if decoded is not None and known.selection and _is_small(opened, decoded):
            opened.seek(0)
            part = Part.of(known.selection, decoded.rows, decoded.chunks, opened.read())
            return Looked(known.layout, fingerprint, decoded.rows, decoded, part)
        if rows is None:
            _, rows = check(opened, self._feed, self._kind)
        return Looked(known.layout, fingerprint, rows, decoded)


def _is_small(opened: BinaryIO, decoded: Decoded) -> bool:
    """Whether a file is small, and nothing speaks against it."""
    return (
        decoded.is_one_row_group
        and opened.seek(0, 2) <= SMALL_FILE_BYTES
        and decoded.rows <= SMALL_ROWS
        and decoded.bytes <= SMALL_DECODED_BYTES
        and integrity.is_plainly_intact(opened, decoded.chunks)
    )


def check(opened: BinaryIO, feed: Feed, kind: Kind) -> tuple[Layout, int]:
    """Read a file's footer, compare its schema with the contract and its bytes with the footer.

    Returns:
        How it has the feed's columns, and how many rows.

    Raises:
        Rejection: no parquet file, another kind's file, a column that is missing, of another type,
            or there twice, more events than a file may hold, or other bytes than were written.
    """
    footer.locate(opened)
    try:
        parquet = pq.ParquetFile(opened)
        schema = parquet.schema_arrow
        layout = _Schema(schema, parquet.schema)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise Rejection("not_parquet", _one_line(error)) from error
    _check_kind(feed, kind, parquet.metadata.metadata or {}, frozenset(schema.names))
    check_size(parquet.metadata.num_rows)
    found = layout.of(feed.columns_of(kind))
    integrity.check(opened, found.paths, parquet.metadata.num_row_groups)
    return found, parquet.metadata.num_rows


def check_size(rows: int, decoded_bytes: int = 0) -> None:
    """Refuse more events, or more bytes of them, than a file may hold.

    Raises:
        Rejection: `too_large`.
    """
    if rows > MOST_ROWS or decoded_bytes > MOST_DECODED_BYTES:
        raise Rejection("too_large", f"{rows:,} events of {decoded_bytes:,} bytes once decoded")


def _check_kind(
    feed: Feed, kind: Kind, notes: Mapping[bytes, bytes], columns: frozenset[str]
) -> None:
    """Refuse a file that holds another kind of events than its name says."""
    written = notes.get(MESSAGE_TYPE_KEY.encode(), b"").decode(errors="replace")
    short = written.rpartition("$")[2].lower()
    found = {
        kind
        for kind in KINDS
        if (type_ := feed.kinds[kind].message_type) and type_.lower() in (short, written.lower())
    }
    if not found:
        marked = {kind for kind in KINDS if columns.intersection(feed.kinds[kind].marks)}
        found = marked if len(marked) == 1 else {kind}
    if kind not in found:
        raise Rejection("wrong_kind", f"the file holds {min(found)}, its name says {kind}")


class _Schema:
    """A file's schema, as Arrow has it and as parquet stores it."""

    def __init__(self, schema: pa.Schema, stored: pq.ParquetSchema) -> None:
        self._fields = list(schema)
        self._leaves: dict[str, list[pq.ColumnSchema]] = {}
        for leaf in map(stored.column, range(len(stored))):
            self._leaves.setdefault(leaf.path, []).append(leaf)

    def of(self, columns: Mapping[str, Column]) -> Layout:
        """How the columns of a feed are there."""
        found = {name: self._find(column) for name, column in columns.items()}
        leaves = [
            leaf
            for name, field in found.items()
            if field is not None
            for leaf in _leaves(columns[name], field.type)
        ]
        order = list(self._leaves)
        return Layout(
            tuple((name, field and field.type) for name, field in found.items()),
            tuple(sorted(leaves, key=lambda leaf: order.index(".".join(leaf[0])))),
        )

    def _find(self, column: Column) -> pa.Field | None:
        """The column, None if it is not there.

        Raises:
            Rejection: it is of another type, there twice, or required and missing.
        """
        fields: Iterable[pa.Field] = self._fields
        field = None
        for depth, part in enumerate(column.parts):
            if field is not None:
                above = ".".join(column.parts[:depth])
                if not pa.types.is_struct(field.type):
                    raise Rejection(
                        "wrong_type", f"{above} is {field.type}, not a group of columns"
                    )
                fields = field.type
            field = _only(fields, part)
            if field is None:
                if column.required:
                    raise Rejection("missing_column", f"there is no {column.path}")
                return None
        if field is not None and all(
            self._is_of(leaf, column) for leaf, _ in _leaves(column, field.type)
        ):
            return field
        raise Rejection("wrong_type", f"{column.path} is {field and field.type}, not {column.type}")

    def _is_of(self, leaf: Leaf, column: Column) -> bool:
        stored = self._leaves.get(".".join(leaf), [])
        if len(stored) > 1:
            raise Rejection("ambiguous_column", f"there is more than one column {'.'.join(leaf)}")
        if not stored or stored[0].max_repetition_level:
            return False
        accepted = STORED_TYPES[column.type] | (INTEGERS if column.unit else set())
        return (stored[0].physical_type, stored[0].logical_type.type) in accepted


def _leaves(column: Column, type_: pa.DataType) -> list[tuple[Leaf, pa.DataType]]:
    """What parquet stores of a column: itself, or the parts of a decimal."""
    if column.type != "decimal" or not pa.types.is_struct(type_):
        return [(column.parts, type_)]
    names = [name for name in SCALED if type_.get_field_index(name) >= 0]
    return [((*column.parts, name), type_.field(name).type) for name in names]


def _only(fields: Iterable[pa.Field], name: str) -> pa.Field | None:
    """The field of a name, which for a reader that ignores case, as DuckDB does, must be one."""
    alike = [field for field in fields if field.name.lower() == name.lower()]
    found = [field for field in alike if field.name == name]
    if found and len(alike) > 1:
        raise Rejection("ambiguous_column", f"there is more than one column {name}")
    return found[0] if found else None


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
