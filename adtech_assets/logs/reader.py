"""Reads log files into the warehouse: the contract's columns, and every row.

Two ways, because no engine is best at both (2,000 files of 700 columns and five rows: Polars 1.2 s,
DuckDB 2.9 s; 144 files of 139,000 rows: DuckDB 0.5 s, Polars three times that): small files go
through Polars, large ones through DuckDB, which streams.

A batch is read whole or not at all. One that fails is read again file by file, so that a bad file
never stops the others and is refused for its own reason.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from operator import add, gt
from typing import TYPE_CHECKING

import duckdb
import polars as pl

from adtech_assets.logs import contract
from adtech_assets.logs.footer import Decoded
from adtech_assets.logs.ledger import RAW_TABLES
from adtech_assets.logs.refusals import Refusal
from adtech_assets.stores.warehouse import first_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from concurrent.futures import Future
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from adtech_assets.logs.names import LogFileName

SMALL_FILE_BYTES = 4 * 2**20
SMALL_ROWS = 100_000
SMALL_DECODED_BYTES = 256 * 2**20
"""A file of more is large, however few bytes it has: Polars decodes a batch as a whole."""

BATCH_FILES = 500
BATCH_BYTES = 256 * 2**20
BATCH_ROWS = 500_000
BATCH_DECODED_BYTES = 2**30
"""Bounds the memory of a batch, and the work that a kill can undo; rows, of small files only.

Peak memory of 5 and 20 million events: 521 and 821 MB with twice as many rows and no bound on
DuckDB's cache, 481 and 539 MB now. Half as many bytes would take 70 MB less, and 5 % more time.
"""

PATH_COLUMN = "adtech_log_file_path"
"""DuckDB refuses files that have a column of this name, so it is none that a feed would use."""

_POLARS_SCHEMA = {
    "transaction_header": pl.Struct({"creation_time": pl.Int64}),
    "device_settings": pl.Struct({"user_agent": pl.String}),
    "banner": pl.Struct({"campaign_id": pl.Int32}),
    "fraud_detection": pl.Struct({"is_fraud": pl.Boolean}),
}
_SQL_TYPES = {
    "creation_time": "BIGINT",
    "user_agent": "VARCHAR",
    "campaign_id": "BIGINT",
    "is_fraud": "BOOLEAN",
}

# LEFT JOIN: a row of no file's would break NOT NULL, where an inner join would lose it.
# creation_time counts milliseconds from 1970; outside 2000 to 2100 it is unset or another unit.
_APPEND = """
INSERT INTO {table} (
    file_id, file_date, file_hour, event_at, user_agent, campaign_id, is_fraud
)
SELECT
    files.file_id,
    files.file_date,
    files.file_hour,
    CASE
        WHEN events.creation_time BETWEEN 946684800000 AND 4102444800000
            THEN epoch_ms(events.creation_time)
    END,
    events.user_agent,
    events.campaign_id,
    events.is_fraud
FROM {events} AS events
LEFT JOIN batch_files AS files ON events.path = files.path
"""

_COUNT = """
SELECT
    files.file_id,
    count(events.file_id) AS rows,
    count(events.file_id) FILTER (
        events.event_at < files.hour_starts_at OR events.event_at >= files.hour_ends_at
    ) AS events_other_hour,
    count(events.file_id) FILTER (events.event_at IS NULL) AS events_without_time
FROM batch_files AS files
LEFT JOIN {table} AS events
    ON files.file_id = events.file_id AND events.file_id BETWEEN ? AND ?
GROUP BY files.file_id
"""


@dataclass(frozen=True)
class FileToRead:
    """A log file whose rows are to be appended under `file_id`."""

    file_id: int
    path: Path
    bytes: int
    name: LogFileName
    decoded: Decoded | None = None
    """Size once decoded; None unless the footer has been found to keep the contract."""

    @property
    def is_small(self) -> bool:
        """Whether Polars may read it, which a schema that is nested too deeply would crash."""
        return (
            self.decoded is not None
            and self.bytes <= SMALL_FILE_BYTES
            and self.decoded.rows <= SMALL_ROWS
            and self.decoded.bytes <= SMALL_DECODED_BYTES
        )


@dataclass(frozen=True)
class ReadFile:
    """What was read of a file."""

    rows: int
    events_other_hour: int
    """Events outside the UTC hour of the file's name: counted, not moved."""
    events_without_time: int
    """Events whose creation time is unset or implausible: their `event_at` is NULL."""
    missing_columns: tuple[str, ...] = ()


class BatchNotReadError(Exception):
    """Some file of the batch is not as expected; nothing may be committed."""


def batches(files: Iterable[FileToRead]) -> Iterator[list[FileToRead]]:
    """Group files, small with small and large with large, up to the bounds."""
    bounds = (BATCH_FILES, BATCH_BYTES, BATCH_ROWS, BATCH_DECODED_BYTES)
    begun: dict[bool, list[FileToRead]] = {True: [], False: []}
    sizes = dict.fromkeys(begun, (0, 0, 0, 0))
    for file in files:
        small = file.is_small
        decoded = file.decoded if small and file.decoded else Decoded(0, 0)
        own = (1, file.bytes, decoded.rows, decoded.bytes)
        total = tuple(map(add, sizes[small], own))
        if begun[small] and any(map(gt, total, bounds)):
            yield begun[small]
            begun[small], total = [], own
        begun[small].append(file)
        sizes[small] = total
    yield from filter(None, begun.values())


def read_ahead(
    groups: Iterable[list[FileToRead]],
) -> Iterator[tuple[list[FileToRead], Future[pl.DataFrame] | None]]:
    """Batches, and the events of small files, which Polars reads while the last batch is written.

    Of 2,000 small files, a third of the time is Polars, which is then no time of its own.
    """
    with ThreadPoolExecutor(1, "read_ahead") as reading:
        ahead = None
        for batch in groups:
            small = all(file.is_small for file in batch)
            events = reading.submit(_read_small_files, batch) if small else None
            if ahead is not None:
                yield ahead
            ahead = batch, events
        if ahead is not None:
            yield ahead


def append_batch(
    connection: duckdb.DuckDBPyConnection,
    batch: Sequence[FileToRead],
    zone: ZoneInfo,
    small: Future[pl.DataFrame] | None = None,
) -> dict[int, ReadFile]:
    """Append files of one kind, all or none, inside the caller's transaction.

    Args:
        connection: to the warehouse.
        batch: small files, or large ones.
        zone: the feed's.
        small: the events of small files, from `read_ahead`.

    Returns:
        What was read, by file id.

    Raises:
        BatchNotReadError: some file is not exactly as the contract says; read them one by one.
        FileNotFoundError: a file disappeared.
    """
    promised = {f.file_id: f.name.offsets.rows for f in batch if f.name.offsets is not None}
    try:
        if small is not None:
            frame = small.result()
            # Text that many rows share is in memory once here, but not in the warehouse.
            if frame["user_agent"].str.len_bytes().cast(pl.UInt64).sum() > BATCH_DECODED_BYTES:
                raise BatchNotReadError
            # In one piece, for a chunk of each file costs more than its few rows: 25 ms of 500
            # files instead of 2. As views, which share the frame's text: a copy of it, and of the
            # path in each row, took 200 MB for a million rows.
            in_one_piece = frame.rechunk().to_arrow(compat_level=pl.CompatLevel.newest())
            connection.register("batch_events", in_one_piece)
            events = "batch_events"
        else:
            schemas = {f.file_id: contract.check(f.path, f.name.kind) for f in batch}
            if any(schema.missing for schema in schemas.values()):
                raise BatchNotReadError
            promised = {file_id: schema.rows for file_id, schema in schemas.items()} | promised
            events = _parquet_scan(batch, missing=())
            rows = max(schema.rows for schema in schemas.values())
            contract.check_size(rows, _decoded_bytes(connection, batch))
            _check_text(connection, events)
        read = _append(connection, batch, events, zone)
    except FileNotFoundError:
        raise
    except (Refusal, OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise BatchNotReadError from error
    except duckdb.Error as error:
        raise BatchNotReadError from error
    if any(read[file_id].rows != rows for file_id, rows in promised.items()):
        raise BatchNotReadError
    return read


def append_one(connection: duckdb.DuckDBPyConnection, file: FileToRead, zone: ZoneInfo) -> ReadFile:
    """Append one file inside the caller's transaction; optional columns may be missing.

    Raises:
        Refusal: the file breaks the contract or cannot be decoded.
        FileNotFoundError: it disappeared.
        duckdb.Error: the warehouse cannot take the rows, which is not the file's fault.
    """
    schema = contract.check(file.path, file.name.kind)
    events = _parquet_scan([file], schema.missing)
    decoded_bytes = 0
    try:
        decoded_bytes = _decoded_bytes(connection, [file])
        contract.check_size(schema.rows, decoded_bytes)
        _check_text(connection, events)
        (read,) = _append(connection, [file], events, zone).values()
    except duckdb.Error as error:
        if not file.path.exists():
            raise FileNotFoundError(file.path) from error
        if isinstance(error, duckdb.OutOfMemoryException) and (decoded_bytes > SMALL_DECODED_BYTES):
            # A page is decoded as a whole, and may be all of that.
            raise Refusal(
                "too_large", f"it does not fit into memory: {first_line(error)}"
            ) from error
        if _is_the_warehouses(error, file):
            raise
        detail = " ".join(str(error).split())
        # The file's path may have any words.
        told = detail.replace(str(file.path), "").replace(_for_duckdb(file.path), "")
        is_text = "utf" in told.lower()
        raise Refusal("invalid_utf8" if is_text else "corrupt_data", detail[:300]) from error
    offsets = file.name.offsets
    if read.rows != schema.rows or (offsets is not None and read.rows != offsets.rows):
        expected = f", its offsets {offsets.rows}" if offsets else ""
        raise Refusal(
            "incomplete", f"{read.rows} rows; the footer promises {schema.rows}{expected}"
        )
    return replace(read, missing_columns=schema.missing)


def _decoded_bytes(connection: duckdb.DuckDBPyConnection, batch: Sequence[FileToRead]) -> int:
    """Bytes of the contract's columns, uncompressed, of the file that has most of them.

    Asked of DuckDB: pyarrow ends the process at an encrypted column that it has no key for.
    """
    columns = ", ".join(_quoted(f"{column.group}, {column.field}") for column in contract.COLUMNS)
    row = connection.execute(
        f"""
        SELECT max(bytes)::BIGINT FROM (
            SELECT sum(total_uncompressed_size) AS bytes
            FROM parquet_metadata([{_paths(batch)}])
            WHERE path_in_schema IN ({columns})
            GROUP BY file_name
        )
        """
    ).fetchone()
    return (row and row[0]) or 0


def _check_text(connection: duckdb.DuckDBPyConnection, events: str) -> None:
    """Refuse a file with too many user agents to store: a terabyte of them can be in 2.6 KB."""
    query = f"SELECT count(*), sum(strlen(user_agent))::BIGINT FROM {events} GROUP BY path"
    for rows, text in connection.execute(query).fetchall():
        contract.check_size(rows, text or 0)


def _is_the_warehouses(error: duckdb.Error, file: FileToRead) -> bool:
    """Whether an error says that memory or disk is full, or the warehouse broken."""
    if isinstance(error, duckdb.IOException):
        # Errors about the file name it.
        return all(path not in str(error) for path in (str(file.path), _for_duckdb(file.path)))
    return isinstance(error, (duckdb.OutOfMemoryException, duckdb.FatalException))


def _read_small_files(batch: Sequence[FileToRead]) -> pl.DataFrame:
    return (
        pl.scan_parquet(
            [file.path for file in batch],
            schema=_POLARS_SCHEMA,
            extra_columns="ignore",
            cast_options=pl.ScanCastOptions(extra_struct_fields="ignore"),
            glob=False,
            hive_partitioning=False,
            include_file_paths="path",
        )
        .select(
            "path",
            *(
                pl.col(column.group).struct.field(column.field).alias(column.name)
                for column in contract.COLUMNS
            ),
        )
        .collect(engine="streaming")
    )


def _parquet_scan(batch: Sequence[FileToRead], missing: tuple[str, ...]) -> str:
    """SQL that reads the files named in `batch_paths`, whatever characters their names have."""
    columns = ", ".join(
        f"NULL::{_SQL_TYPES[column.name]} AS {column.name}"
        if column.name in missing
        else f"{column.path}::{_SQL_TYPES[column.name]} AS {column.name}"
        for column in contract.COLUMNS
    )
    return (
        f"(SELECT {PATH_COLUMN} AS path, {columns} "
        f"FROM read_parquet([{_paths(batch)}], "
        f"filename = '{PATH_COLUMN}', hive_partitioning = false))"
    )


def _append(
    connection: duckdb.DuckDBPyConnection,
    batch: Sequence[FileToRead],
    events: str,
    zone: ZoneInfo,
) -> dict[int, ReadFile]:
    """Insert the events and count what arrived, file by file."""
    bounds = [file.name.utc_bounds(zone) for file in batch]
    files = pl.DataFrame(
        {
            "file_id": [file.file_id for file in batch],
            "path": [str(file.path) for file in batch],
            "file_date": [file.name.day for file in batch],
            "file_hour": [file.name.hour for file in batch],
            "hour_starts_at": [starts_at.replace(tzinfo=None) for starts_at, _ in bounds],
            "hour_ends_at": [ends_at.replace(tzinfo=None) for _, ends_at in bounds],
        }
    )
    connection.register("batch_files", files.to_arrow())
    table = RAW_TABLES[batch[0].name.kind]
    connection.execute(_APPEND.format(table=table, events=events))
    ids = [file.file_id for file in batch]
    counts = connection.execute(_COUNT.format(table=table), [min(ids), max(ids)]).fetchall()
    return {file_id: ReadFile(*numbers) for file_id, *numbers in counts}


def _paths(batch: Sequence[FileToRead]) -> str:
    return ", ".join(_quoted(_for_duckdb(file.path)) for file in batch)


def _for_duckdb(path: Path) -> str:
    """A path in which DuckDB's glob finds nothing to expand: `*` is written `[*]`.

    With a backslash, which it takes for a separator there, it finds only what is named literally.
    """
    text = str(path)
    return text if "\\" in text else re.sub(r"([*?\[])", r"[\1]", text)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
