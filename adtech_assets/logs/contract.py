"""What a log file must contain to be counted.

Only the four columns below are read; a file may have any number of others, each file its own. The
user agent must be there, because counts without it would be wrong. The other three may be missing,
and are then NULL, but what is there must have the right type: nothing is converted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from adtech_assets.logs import integrity
from adtech_assets.logs.footer import locate, note
from adtech_assets.logs.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from adtech_assets.logs.names import Kind


@dataclass(frozen=True)
class Column:
    """A column of the feed, `group.field`, and its name in the warehouse."""

    name: str
    group: str
    field: str
    type: Literal["integer", "text", "boolean"]
    usual: tuple[pa.DataType, ...]
    """As the feed's writer has it."""
    required: bool = False

    @property
    def path(self) -> str:
        """As parquet writes it."""
        return f"{self.group}.{self.field}"


COLUMNS = (
    Column("creation_time", "transaction_header", "creation_time", "integer", (pa.int64(),)),
    Column(
        "user_agent",
        "device_settings",
        "user_agent",
        "text",
        (pa.string(), pa.large_string(), pa.string_view()),
        required=True,
    ),
    Column("campaign_id", "banner", "campaign_id", "integer", (pa.int32(),)),
    Column("is_fraud", "fraud_detection", "is_fraud", "boolean", (pa.bool_(),)),
)
PATHS = {column.path for column in COLUMNS}

# Parquet's own physical and logical types: Arrow's note in a file says how its writer had them in
# memory, a dictionary or a duration, and nothing of what is stored.
TYPES = {
    "integer": {("INT32", "NONE"), ("INT32", "INT"), ("INT64", "NONE"), ("INT64", "INT")},
    "text": {("BYTE_ARRAY", "STRING")},
    "boolean": {("BOOLEAN", "NONE")},
}

MOST_ROWS = 100_000_000
MOST_DECODED_BYTES = 4 * 2**30
"""Of a file's columns above: a few KB may expand to more than any machine has. The largest hourly
files that were measured have 139,000 rows."""

# The feed's writer notes the message type of the rows; its last part is the kind.
MESSAGE_TYPE_KEY = b"parquet.proto.class"
MESSAGE_TYPES: dict[str, Kind] = {"impression": "impressions", "click": "clicks"}
# Top-level columns that only one kind of the feed has, for files without that note.
MARKER_COLUMNS: dict[Kind, frozenset[str]] = {
    "impressions": frozenset({"is_vast_measurable", "shown_in_ad_container", "is_eligible"}),
    "clicks": frozenset({"banner_click_url_id", "landing_url", "server_impression_time_ms"}),
}


@dataclass(frozen=True)
class Schema:
    """What the footer of an acceptable file says."""

    rows: int
    missing: tuple[str, ...]
    """Names of `COLUMNS` that are not there."""
    is_usual: bool
    """Whether all are there, in the types that the feed's writer has."""


def check(path: Path, kind: Kind) -> Schema:
    """Read a file's footer, compare its schema with the contract and its bytes with the footer.

    Raises:
        Refusal: no parquet file, another kind's file, a column that is missing, of another type,
            or there twice, more events than a file may hold, or other bytes than were written.
        OSError: the file is gone or cannot be opened.
    """
    # Opened here, because pyarrow leaves a file open that it cannot read.
    with path.open("rb") as content:
        locate(content)
        try:
            footer = pq.ParquetFile(content)
            arrow_schema = footer.schema_arrow
            leaves = _leaves(footer.schema)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise Refusal("not_parquet", _one_line(error)) from error
        _check_kind(kind, footer.metadata.metadata or {}, frozenset(arrow_schema.names))
        check_size(footer.metadata.num_rows)
        types = {column.name: _type(arrow_schema, leaves, column) for column in COLUMNS}
        integrity.check(
            content, ((c.group, c.field) for c in COLUMNS), footer.metadata.num_row_groups
        )
    return Schema(
        footer.metadata.num_rows,
        missing=tuple(name for name, type_ in types.items() if type_ is None),
        is_usual=all(types[column.name] in column.usual for column in COLUMNS),
    )


def _leaves(schema: pq.ParquetSchema) -> list[pq.ColumnSchema]:
    """The columns that may be the contract's."""
    return [leaf for leaf in map(schema.column, range(len(schema))) if leaf.path in PATHS]


def check_size(rows: int, decoded_bytes: int = 0) -> None:
    """Refuse more events, or more bytes of them, than a file may hold.

    Raises:
        Refusal: `too_large`.
    """
    if rows > MOST_ROWS or decoded_bytes > MOST_DECODED_BYTES:
        raise Refusal("too_large", f"{rows:,} events of {decoded_bytes:,} bytes once decoded")


def says_kind(footer: bytes, kind: Kind) -> bool:
    """Whether a footer's note names this kind, which spares reading the whole schema."""
    return _noted_kind(note(footer, MESSAGE_TYPE_KEY.decode())) == kind


def _noted_kind(message_type: str) -> Kind | None:
    return MESSAGE_TYPES.get(message_type.rpartition("$")[2].lower())


def _check_kind(kind: Kind, metadata: dict[bytes, bytes], columns: frozenset[str]) -> None:
    noted = _noted_kind(metadata.get(MESSAGE_TYPE_KEY, b"").decode(errors="replace"))
    if noted is None:
        other: Kind = "clicks" if kind == "impressions" else "impressions"
        if columns & MARKER_COLUMNS[other] and not columns & MARKER_COLUMNS[kind]:
            noted = other
    if noted not in (None, kind):
        raise Refusal("wrong_kind", f"the file holds {noted}, its name says {kind}")


def _type(
    schema: pa.Schema, leaves: Sequence[pq.ColumnSchema], column: Column
) -> pa.DataType | None:
    """The column's type in Arrow, None if it is not there.

    Raises:
        Refusal: it is of another type, there twice, or required and missing.
    """
    _check_unambiguous(schema.names, column.group)
    index = schema.get_field_index(column.group)
    group = schema.field(index).type if index >= 0 else None
    if group is not None and not pa.types.is_struct(group):
        raise Refusal("wrong_type", f"{column.group} is {group}, not a group of columns")
    if group is not None:
        _check_unambiguous([field.name for field in group], column.field)
    index = group.get_field_index(column.field) if group is not None else -1
    if group is None or index < 0:
        if column.required:
            raise Refusal("missing_column", f"there is no {column.path}")
        return None
    found = group.field(index).type
    stored = [leaf for leaf in leaves if leaf.path == column.path]
    if len(stored) > 1:
        raise Refusal("ambiguous_column", f"there is more than one column {column.path}")
    if not stored or not _is_of(stored[0], column):
        raise Refusal("wrong_type", f"{column.path} is {found}, not {column.usual[0]}")
    return found


def _is_of(leaf: pq.ColumnSchema, column: Column) -> bool:
    type_ = leaf.physical_type, leaf.logical_type.type
    return type_ in TYPES[column.type] and leaf.max_repetition_level == 0


def _check_unambiguous(names: Sequence[str], name: str) -> None:
    """Refuse a name that is there twice for a reader that ignores case, as DuckDB does."""
    if name in names and sum(other.lower() == name for other in names) > 1:
        raise Refusal("ambiguous_column", f"there is more than one column {name}")


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
