"""Published marts as files and for the screen, as they were published.

Text is written as it is: quoted where CSV asks for it, but a value that begins with `=` stays so.
The files are for programs; whoever opens one in a spreadsheet should import it as text.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from io import BytesIO
from typing import IO, TYPE_CHECKING, Literal, get_args

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from adtech_assets.errors import UserError
from adtech_assets.publish.marts import (
    DAY_COLUMN,
    EXPORTS,
    IN_DATABASE,
    SCHEMA,
    SIDES,
    quoted,
)
from adtech_assets.stores.outputs import written_output
from adtech_assets.stores.postgres import retried

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from datetime import date
    from pathlib import Path

    from adtech_assets.stores.postgres import Postgres, Snapshot

FileFormat = Literal["csv", "parquet"]
FILE_FORMATS: tuple[FileFormat, ...] = get_args(FileFormat)

EVERY_MART = "all"

# Types that arrive as they are. Others come as text, from which decimals are made: left to
# itself, numeric arrives as text of a type that nobody knows.
_AS_IT_IS = (
    *("smallint", "integer", "bigint", "real", "double precision", "boolean", "text", "date"),
    *("timestamp without time zone", "timestamp with time zone"),
)
_NUMERIC = re.compile(r"numeric\((\d+),(\d+)\)")
_TIME_FORMAT = "%F %T%.f"


@dataclass(frozen=True)
class PublishedMart:
    """A table of the schema `marts`, as Postgres describes it."""

    name: str
    columns: dict[str, str]
    """Types in Postgres, in order."""
    key: tuple[str, ...]

    @property
    def export(self) -> str:
        """Its name as an export: of its files, and above it on the screen."""
        return next((name for name, mart in EXPORTS.items() if mart == self.name), self.name)

    def query(self, limit: int | None = None) -> str:
        """Its rows by its key: text byte by byte, for servers sort it each in its own way."""
        order = ", ".join(
            quoted(column) + (' COLLATE "C"' if self.columns[column] == "text" else "")
            for column in self.key or self.columns
        )
        some = f" LIMIT {limit}" if limit is not None else ""
        values = ", ".join(
            quoted(name) if type_ in _AS_IT_IS else f"{quoted(name)}::text AS {quoted(name)}"
            for name, type_ in self.columns.items()
        )
        return f"SELECT {values} FROM {SCHEMA}.{quoted(self.name)} ORDER BY {order}{some}"


@dataclass(frozen=True)
class Page:
    """The first rows of a mart."""

    mart: PublishedMart
    frame: pl.DataFrame
    rows: int
    """Of the whole mart."""
    days_so_far: tuple[date, ...] = ()
    """Days among these rows that were not over when they were read."""


@retried
def read_pages(target: Postgres, names: Sequence[str], limit: int | None = None) -> list[Page]:
    """Read the first rows of published marts, all of one instant, each ordered by its key.

    Args:
        target: the database.
        names: of marts or exports; `all` for every mart.
        limit: rows of each mart.

    Raises:
        UserError: a mart has not been published.
    """
    with target.snapshot() as snapshot:
        return [_page(snapshot, mart, limit) for mart in _chosen(snapshot, names)]


@retried
def export(
    target: Postgres, names: Sequence[str], folder: Path, formats: Collection[FileFormat]
) -> dict[Path, int]:
    """Write published marts to files, all of one instant, each ordered by its key.

    A batch of rows is in memory at a time. Each file appears whole or not at all.

    Args:
        target: the database.
        names: of marts or exports; `all` for every mart.
        folder: of the files, `<export>.<format>`.
        formats: each gives a file of the same values.

    Returns:
        Rows of each file.

    Raises:
        UserError: a mart has not been published, or a file cannot be written.
    """
    written: dict[Path, int] = {}
    with target.snapshot() as snapshot:
        for mart in _chosen(snapshot, names):
            paths = [folder / f"{mart.export}.{suffix}" for suffix in formats]
            rows = 0
            with contextlib.ExitStack() as stack:
                writers = [stack.enter_context(_writer(path)) for path in paths]
                for table in _tables(snapshot, mart):
                    rows += table.num_rows
                    for write in writers:
                        write(table)
            written |= dict.fromkeys(paths, rows)
    return written


def _chosen(snapshot: Snapshot, names: Sequence[str]) -> list[PublishedMart]:
    published = _published(snapshot)
    if EVERY_MART in names and published:
        return list(published.values())
    chosen = dict.fromkeys(EXPORTS.get(name, name) for name in names)
    for mart in chosen:
        if mart not in published:
            known = ", ".join(published)
            raise UserError(
                f"There is no published mart {mart}. Published are: {known}."
                if known and mart not in EXPORTS.values()
                else f"{SCHEMA}.{mart} has not been published yet. "
                "Run the pipeline first: adtech backfill --help"
            )
    return [published[mart] for mart in chosen]


def _published(snapshot: Snapshot) -> dict[str, PublishedMart]:
    """The tables of the schema by name; Postgres knows them sooner than dbt would be loaded."""
    described = snapshot.table(
        f"""
        SELECT
            relname::text AS name,
            attname::text AS column,
            format_type(atttypid, atttypmod) AS type,
            array_position(indkey::int2[], attnum) AS key_position
        FROM pg_class
        JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
        LEFT JOIN pg_index ON indrelid = pg_class.oid AND indisprimary
        WHERE relnamespace = to_regnamespace('{SCHEMA}') AND relkind = 'r'
        ORDER BY relname, attnum
        """
    ).to_pylist()
    return {
        name: PublishedMart(
            name,
            {row["column"]: row["type"] for row in described if row["name"] == name},
            tuple(
                row["column"]
                for row in sorted(
                    (r for r in described if r["name"] == name and r["key_position"] is not None),
                    key=lambda row: int(row["key_position"]),
                )
            ),
        )
        for name in dict.fromkeys(row["name"] for row in described)
    }


def _tables(
    snapshot: Snapshot, mart: PublishedMart, limit: int | None = None
) -> Iterator[pa.Table]:
    """A mart in batches, the first of which may be empty."""
    with snapshot.stream(mart.query(limit)) as stream:
        # An empty mart has no batch, but its columns.
        yield _typed(stream.schema.empty_table(), mart)
        for batch in stream:
            yield _typed(pa.Table.from_batches([batch]), mart)


def _typed(table: pa.Table, mart: PublishedMart) -> pa.Table:
    """With decimals where they came as text."""
    for number, (name, type_) in enumerate(mart.columns.items()):
        if numeric := _NUMERIC.fullmatch(type_):
            decimal = pa.decimal128(*map(int, numeric.groups()))
            table = table.set_column(number, name, table.column(number).cast(decimal))
    return table


def _page(snapshot: Snapshot, mart: PublishedMart, limit: int | None) -> Page:
    frame = pl.DataFrame(pa.concat_tables(_tables(snapshot, mart, limit)))
    return Page(mart, frame, _count(snapshot, mart), _days_so_far(snapshot, mart, frame))


def _days_so_far(snapshot: Snapshot, mart: PublishedMart, frame: pl.DataFrame) -> tuple[date, ...]:
    """Days of a mart's rows that a side which it counts had not seen to their end."""
    calendar = _published(snapshot).get("dim_dates")
    flags = SIDES.get(mart.name, (IN_DATABASE,))
    if DAY_COLUMN not in mart.columns or calendar is None or not {*flags} <= {*calendar.columns}:
        return ()
    unfinished = " OR ".join(f"{flag} IS FALSE" for flag in flags)
    days = snapshot.table(f"SELECT date_day FROM {SCHEMA}.dim_dates WHERE {unfinished}")
    shown = set(frame[DAY_COLUMN].to_list())
    return tuple(sorted(day for day in days["date_day"].to_pylist() if day in shown))


def _count(snapshot: Snapshot, mart: PublishedMart) -> int:
    table = snapshot.table(f"SELECT count(*) AS rows FROM {SCHEMA}.{quoted(mart.name)}")
    return int(table["rows"][0].as_py())


@contextlib.contextmanager
def _writer(path: Path) -> Iterator[Callable[[pa.Table], None]]:
    """Write a file table by table, the first of which gives the columns."""
    with written_output(path) as partial, partial.open("wb") as file:
        yield from _csv_writer(file) if path.suffix == ".csv" else _parquet_writer(file)


def _csv_writer(file: IO[bytes]) -> Iterator[Callable[[pa.Table], None]]:
    has_header = False

    def write(table: pa.Table) -> None:
        nonlocal has_header
        content = BytesIO()  # Polars has errors of its own for a full disk
        pl.DataFrame(table).write_csv(
            content, include_header=not has_header, datetime_format=_TIME_FORMAT
        )
        has_header = True
        file.write(content.getbuffer())

    yield write


def _parquet_writer(file: IO[bytes]) -> Iterator[Callable[[pa.Table], None]]:
    writer: pq.ParquetWriter | None = None

    def write(table: pa.Table) -> None:
        nonlocal writer
        writer = writer or pq.ParquetWriter(file, table.schema, compression="zstd")
        if table.num_rows:
            writer.write_table(table)

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()
