"""Reads the events of log files into the warehouse: the feed's columns, and every row.

Two ways, because no engine is best at both (2,000 files of 700 columns and five rows: Polars 1.2 s,
DuckDB 2.9 s; 144 files of 139,000 rows: DuckDB 0.5 s, Polars three times that): small files go
through Polars, as excerpts; large ones through DuckDB, which streams.

A batch is read whole or not at all. One that fails is read again file by file, so that a bad file
never stops the others and is refused for its own reason.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import repeat
from operator import add, gt
from typing import TYPE_CHECKING

import duckdb
import polars as pl

from adtech_assets.feed import conformance
from adtech_assets.feed.excerpts import excerpt
from adtech_assets.feed.ledger import ReadFile
from adtech_assets.feed.raw_tables import RAW_TABLES, quoted
from adtech_assets.feed.rejections import Rejection
from adtech_assets.feed.values import SCALED_DECIMAL, value
from adtech_assets.stores.warehouse import first_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from concurrent.futures import Future
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from adtech_assets.contract import Feed
    from adtech_assets.feed.conformance import Layout, Leaf, Looked
    from adtech_assets.feed.excerpts import Selection
    from adtech_assets.feed.names import LogFileName

BATCH_FILES = 500
BATCH_BYTES = 256 * 2**20
BATCH_ROWS = 500_000
BATCH_DECODED_BYTES = 2**30
"""Bounds the memory of a batch, and the work that a kill can undo; rows, of small files only.

Peak memory of 5 and 20 million events: 521 and 821 MB with twice as many rows and no bound on
DuckDB's cache, 481 and 539 MB now. Half as many bytes would take 70 MB less, and 5 % more time.
"""

ID_COLUMN, PATH_COLUMN = "adtech_log_file_id", "adtech_log_file_path"
"""Of the file of an event. DuckDB refuses files that have a column of its path's name, so it is
none that a feed would use."""

# LEFT JOIN: a row of no file's would break NOT NULL, where an inner join would lose it. The names
# of the files' columns begin as no column of a feed does: the values' are not qualified.
_APPEND = """
INSERT INTO {table} (file_id, file_date, file_hour, {columns})
SELECT
    files.adtech_log_file_id,
    files.adtech_log_file_date,
    files.adtech_log_file_hour,
    {values}
FROM {events} AS events
LEFT JOIN batch_files AS files USING ({key})
"""

_COUNT = """
SELECT
    files.adtech_log_file_id,
    count(events.file_id) AS rows,
    count(events.file_id) FILTER (
        events.event_at < files.adtech_log_file_starts_at
        OR events.event_at >= files.adtech_log_file_ends_at
    ) AS events_other_hour,
    count(events.file_id) FILTER (events.event_at IS NULL) AS events_without_time
FROM batch_files AS files
LEFT JOIN {table} AS events
    ON files.adtech_log_file_id = events.file_id AND events.file_id BETWEEN ? AND ?
GROUP BY files.adtech_log_file_id
"""


@dataclass(frozen=True)
class FileToRead:
    """A log file whose rows are to be appended under `file_id`."""

    file_id: int
    path: Path
    bytes: int
    name: LogFileName
    looked: Looked

    @property
    def promised_rows(self) -> int:
        """As its name says, or else its footer."""
        return self.name.offsets.rows if self.name.offsets else self.looked.rows


class BatchNotReadError(Exception):
    """Some file of the batch is not as expected; nothing may be committed."""


def batches(files: Iterable[FileToRead]) -> Iterator[list[FileToRead]]:
    """Group files of one layout, small with small and large with large, up to the bounds."""
    bounds = (BATCH_FILES, BATCH_BYTES, BATCH_ROWS, BATCH_DECODED_BYTES)
    begun: dict[tuple[Selection | None, Layout], list[FileToRead]] = {}
    sizes: dict[tuple[Selection | None, Layout], tuple[int, ...]] = {}
    for file in files:
        part = file.looked.part
        group = part.selection if part else None, file.looked.layout
        own = (1, file.bytes, part.rows if part else 0, part.decoded_bytes if part else 0)
        total = tuple(map(add, sizes.get(group, (0, 0, 0, 0)), own))
        if group in begun and any(map(gt, total, bounds)):
            yield begun.pop(group)
            total = own
        begun.setdefault(group, []).append(file)
        sizes[group] = total
    yield from begun.values()


def read_ahead(
    groups: Iterable[list[FileToRead]],
) -> Iterator[tuple[list[FileToRead], Future[pl.DataFrame] | None]]:
    """Batches, and the events of small files, which Polars reads while the last batch is written.

    Of 2,000 small files, a third of the time is Polars, which is then no time of its own.
    """
    with ThreadPoolExecutor(1, "read_ahead") as reading:
        ahead = None
        for batch in groups:
            parts = [file.looked.part for file in batch if file.looked.part]
            # Made here: two threads of Python would take turns, 0.1 s of 2,000 files.
            columns = [_field(leaf) for leaf in batch[0].looked.layout.paths]
            events = reading.submit(_read_excerpt, excerpt(parts), columns) if parts else None
            if ahead is not None:
                yield ahead
            ahead = batch, events
        if ahead is not None:
            yield ahead


class Reader:
    """Appends files of one kind and layout to their raw table, inside the caller's transaction."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, feed: Feed, zone: ZoneInfo) -> None:
        """Use a connection to the warehouse, and the feed's time zone."""
        self._connection = connection
        self._feed = feed
        self._zone = zone
        if any(column.type == "decimal" for column in feed.columns.values()):
            connection.execute(SCALED_DECIMAL)

    def append_batch(
        self, batch: Sequence[FileToRead], small: Future[pl.DataFrame] | None = None
    ) -> dict[int, ReadFile]:
        """Append files, all or none.

        Args:
            batch: of `batches`.
            small: the events of small files, from `read_ahead`.

        Returns:
            What was read, by file id.

        Raises:
            BatchNotReadError: some file is not exactly as promised; read them one by one.
            FileNotFoundError: a file disappeared.
        """
        try:
            read = self._append_small(batch, small) if small else self._append_large(batch)
        except FileNotFoundError:
            raise
        except (
            *(Rejection, OSError, duckdb.Error),
            *(pl.exceptions.PolarsError, pl.exceptions.PanicException),
        ) as error:
            raise BatchNotReadError from error
        if any({f.looked.rows, f.promised_rows} != {read[f.file_id].rows} for f in batch):
            raise BatchNotReadError
        return read

    def append_one(self, file: FileToRead) -> ReadFile:
        """Append one file.

        Raises:
            Rejection: it cannot be decoded, or has other rows than it promised.
            FileNotFoundError: it disappeared.
            duckdb.Error: the warehouse cannot take the rows, which is not the file's fault.
        """
        try:
            (read,) = self._append_large([file]).values()
        except duckdb.Error as error:
            if not file.path.exists():
                raise FileNotFoundError(file.path) from error
            rejection = _rejection(error, file)
            if rejection.reason != "too_large" and _is_the_warehouses(error, file):
                raise
            raise rejection from error
        if {file.looked.rows, file.promised_rows} != {read.rows}:
            expected = f", its offsets {file.promised_rows}" if file.name.offsets else ""
            raise Rejection(
                "incomplete", f"{read.rows} rows; the footer promises {file.looked.rows}{expected}"
            )
        return read

    def _append_small(
        self, batch: Sequence[FileToRead], small: Future[pl.DataFrame]
    ) -> dict[int, ReadFile]:
        frame = small.result()
        texts = frame.select(pl.col(pl.String).str.len_bytes().cast(pl.UInt64))
        # Text that many rows share is in memory once here, but not in the warehouse.
        if sum(texts.sum().row(0)) > BATCH_DECODED_BYTES:
            raise BatchNotReadError
        ids = [id_ for file in batch for id_ in repeat(file.file_id, file.looked.rows)]
        if len(ids) != frame.height:
            raise BatchNotReadError
        # In one piece, for a chunk of each file costs more than its few rows: 25 ms of 500
        # files instead of 2. As views, which share the frame's text: a copy of it took 200 MB for
        # a million rows.
        in_one_piece = frame.with_columns(pl.Series(ID_COLUMN, ids, pl.Int64)).rechunk()
        events = in_one_piece.to_arrow(compat_level=pl.CompatLevel.newest())
        self._connection.register("batch_events", events)
        return self._append(batch, "batch_events", ID_COLUMN)

    def _append_large(self, batch: Sequence[FileToRead]) -> dict[int, ReadFile]:
        rows = max(file.looked.rows for file in batch)
        conformance.check_size(rows, self._decoded_bytes(batch))
        events = _parquet_scan(batch)
        self._check_text(batch[0].looked.layout, events)
        return self._append(batch, events, PATH_COLUMN)

    def _append(self, batch: Sequence[FileToRead], events: str, key: str) -> dict[int, ReadFile]:
        """Insert the events, which tell their file by a column, and count what arrived of each."""
        bounds = [file.name.utc_bounds(self._zone) for file in batch]
        files = pl.DataFrame(
            {
                ID_COLUMN: [file.file_id for file in batch],
                PATH_COLUMN: [str(file.path) for file in batch],
                "adtech_log_file_date": [file.name.day for file in batch],
                "adtech_log_file_hour": [file.name.hour for file in batch],
                "adtech_log_file_starts_at": [at.replace(tzinfo=None) for at, _ in bounds],
                "adtech_log_file_ends_at": [at.replace(tzinfo=None) for _, at in bounds],
            }
        )
        self._connection.register("batch_files", files.to_arrow())
        table, layout = RAW_TABLES[batch[0].name.kind], batch[0].looked.layout
        columns = [(self._feed.columns[name], type_) for name, type_ in layout.types]
        self._connection.execute(
            _APPEND.format(
                table=table,
                events=events,
                key=key,
                columns=", ".join(quoted(column.stored_as) for column, _ in columns),
                values=",\n    ".join(value(column, type_) for column, type_ in columns),
            )
        )
        ids = [file.file_id for file in batch]
        counts = self._connection.execute(_COUNT.format(table=table), [min(ids), max(ids)])
        read = {file_id: ReadFile(*numbers) for file_id, *numbers in counts.fetchall()}
        return {
            file.file_id: replace(
                read[file.file_id],
                missing_columns=layout.missing,
                feed_columns=tuple(name for name, _ in layout.types),
                schema_fingerprint=file.looked.schema_fingerprint,
            )
            for file in batch
        }

    def _decoded_bytes(self, batch: Sequence[FileToRead]) -> int:
        """Bytes of the feed's columns, uncompressed, of the file that has most of them.

        Asked of DuckDB: pyarrow ends the process at an encrypted column that it has no key for.
        """
        columns = ", ".join(_text(", ".join(leaf)) for leaf in batch[0].looked.layout.paths)
        row = self._connection.execute(
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

    def _check_text(self, layout: Layout, events: str) -> None:
        """Refuse a file with too much text to store: a terabyte of it can be in 2.6 KB."""
        texts = [
            quoted(self._feed.columns[name].path)
            for name, type_ in layout.types
            if type_ is not None and self._feed.columns[name].type == "string"
        ]
        if not texts:
            return
        lengths = " + ".join(f"coalesce(strlen({name}), 0)" for name in texts)
        query = f"SELECT count(*), sum({lengths})::BIGINT FROM {events} GROUP BY {PATH_COLUMN}"
        for rows, text in self._connection.execute(query).fetchall():
            conformance.check_size(rows, text or 0)


def _rejection(error: duckdb.Error, file: FileToRead) -> Rejection:
    """What is wrong with a file that DuckDB could not read."""
    decoded = file.looked.decoded
    is_large = decoded is not None and decoded.bytes > conformance.SMALL_DECODED_BYTES
    if isinstance(error, duckdb.OutOfMemoryException) and is_large:
        # A page is decoded as a whole, and may be all of that.
        return Rejection("too_large", f"it does not fit into memory: {first_line(error)}")
    detail = " ".join(str(error).split())
    # The file's path may have any words.
    told = detail.replace(str(file.path), "").replace(_for_duckdb(file.path), "")
    return Rejection("invalid_utf8" if "utf" in told.lower() else "corrupt_data", detail[:300])


def _is_the_warehouses(error: duckdb.Error, file: FileToRead) -> bool:
    """Whether an error says that memory or disk is full, or the warehouse broken."""
    if isinstance(error, duckdb.IOException):
        # Errors about the file name it.
        return all(path not in str(error) for path in (str(file.path), _for_duckdb(file.path)))
    return isinstance(error, (duckdb.OutOfMemoryException, duckdb.FatalException))


# ---- small files -------------------------------------------------------------------------------


def _read_excerpt(content: bytes, columns: Sequence[pl.Expr]) -> pl.DataFrame:
    return pl.scan_parquet(content).select(columns).collect(engine="streaming")


def _field(leaf: Leaf) -> pl.Expr:
    outer, *inner = leaf
    found = pl.col(outer)
    for name in inner:
        found = found.struct.field(name)
    return found.alias(".".join(leaf))


# ---- large files -------------------------------------------------------------------------------


def _parquet_scan(batch: Sequence[FileToRead]) -> str:
    """SQL that reads the files, whatever characters their names have."""
    columns = [
        f"{'.'.join(map(quoted, leaf))} AS {quoted('.'.join(leaf))}"
        for leaf in batch[0].looked.layout.paths
    ]
    return (
        f"(SELECT {', '.join([PATH_COLUMN, *columns])} FROM read_parquet([{_paths(batch)}], "
        f"filename = '{PATH_COLUMN}', hive_partitioning = false))"
    )


def _paths(batch: Sequence[FileToRead]) -> str:
    return ", ".join(_text(_for_duckdb(file.path)) for file in batch)


def _for_duckdb(path: Path) -> str:
    """A path in which DuckDB's glob finds nothing to expand: `*` is written `[*]`.

    With a backslash, which it takes for a separator there, it finds only what is named literally.
    """
    text = str(path)
    return text if "\\" in text else re.sub(r"([*?\[])", r"[\1]", text)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
