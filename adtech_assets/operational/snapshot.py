"""Copies the operational tables into the warehouse, all four as they were at one instant.

With the rows it notes their versions: fingerprints of a day's events, and of a whole table when it
has changed. What the warehouse holds already is left as it is.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

import duckdb

from adtech_assets.contract import KEYS, SOURCE_TABLES, Operational, SourceTable
from adtech_assets.errors import UserError
from adtech_assets.operational import summaries
from adtech_assets.operational.summaries import NO_ROWS, UNDATED, Summaries
from adtech_assets.stores.warehouse import first_line, transaction
from adtech_assets.versions import Day, Notes, digest

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from concurrent.futures import Future
    from datetime import date

    import psycopg
    import pyarrow as pa

    from adtech_assets.partitions import DayRange
    from adtech_assets.stores.postgres import Postgres, Snapshot

RawTable = Literal["advertisers", "campaigns", "impressions", "clicks"]
RAW_TABLES: tuple[RawTable, ...] = get_args(RawTable)
EVENT_TABLES: tuple[RawTable, ...] = ("impressions", "clicks")
WHOLE_TABLES = tuple(name for name in RAW_TABLES if name not in EVENT_TABLES)


@dataclass(frozen=True)
class Source:
    """A source table, and the columns that are read of it with their types in the warehouse."""

    table: str
    """Its name there, with its schema if it has one, in quotation marks where needed."""
    columns: dict[str, str]
    names: dict[str, str]
    """What they are called there."""

    @property
    def shown_as(self) -> str:
        """Its name, for people."""
        return self.table.replace('"', "")

    @property
    def relation(self) -> str:
        """SQL of the table with our names of its columns."""
        if all(ours == theirs for ours, theirs in self.names.items()):
            return self.table
        columns = ", ".join(
            f"{_quoted(self.names[name])}{'::text' if name in KEYS else ''} AS {name}"
            for name in self.columns
        )
        return f"(SELECT {columns} FROM {self.table}) AS source"

    def columns_sql(self) -> str:
        """The columns' names for a select list."""
        return ", ".join(self.columns)


SOURCE_TABLES_OF: dict[RawTable, str] = {
    "advertisers": "advertiser",
    "campaigns": "campaign",
    "impressions": "impressions",
    "clicks": "clicks",
}
"""What an operational table is called where no feed file says otherwise, by the raw table."""


def sources(operational: Operational) -> dict[RawTable, Source]:
    """The source tables, with the names that a feed file gives them."""
    found: dict[RawTable, Source] = {}
    for raw, name in SOURCE_TABLES_OF.items():
        named: SourceTable = getattr(operational, name)
        columns = SOURCE_TABLES[name]
        table = ".".join(map(_quoted, named.table.split("."))) if named.table else name
        names = {column: _name_of(column, named.columns) for column in columns}
        found[raw] = Source(table, columns, names)
    return found


def _name_of(column: str, named: Mapping[str, str]) -> str:
    """What a column is called in the source."""
    stands_for = KEYS.get(column, column)
    return named.get(column, named.get(stands_for, stands_for))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


SOURCES = sources(Operational())
"""The source tables under our names of them."""

_EXTRACTED_DAYS = """
CREATE TABLE IF NOT EXISTS raw.extracted_days (
    event_date DATE NOT NULL,
    impressions BIGINT NOT NULL,
    clicks BIGINT NOT NULL,
    extracted_at TIMESTAMP NOT NULL,
    run_id VARCHAR NOT NULL
)
"""

ONE_DAY = timedelta(1)

ARRIVING = "raw.arriving"
"""Rows of the source beside those that the warehouse holds, until they are compared."""


@dataclass(frozen=True)
class Extracted:
    """A raw table as the source has it now."""

    rows: dict[Day, int]
    """By extracted day. None: undated events, or all rows of a table that is copied whole."""
    changed_days: set[Day]
    """Whose version has changed; a whole table's is noted under the day of the extraction."""
    is_whole: bool = False

    @property
    def undated(self) -> int:
        """Events whose `created_at` is unset, which no day claims; copied with every day."""
        return 0 if self.is_whole else self.rows[None]

    def rows_of(self, day: date) -> int:
        """Rows of a day, none of a forgotten one; a whole table has the same on each."""
        return self.rows[None] if self.is_whole else self.rows.get(day, 0)


@dataclass(frozen=True)
class _Asked:
    """The rows of a raw table that are extracted."""

    days: list[Day]
    of_source: str
    """Condition there."""
    held: str
    """Condition in the warehouse."""
    day: str = "created_at::DATE"
    """Expression in the warehouse."""

    @classmethod
    def events(cls, days: DayRange, forgotten: Collection[date] = ()) -> _Asked:
        """Those of some days but the forgotten ones, and the undated ones."""
        dated = f"(created_at >= '{days.first}' AND created_at < '{days.end}')"
        for day in sorted(set(days) & set(forgotten)):
            dated = f"({dated} AND NOT (created_at >= '{day}' AND created_at < '{day + ONE_DAY}'))"
        return cls(
            [*(day for day in days if day not in forgotten), None],
            f"{dated} OR {UNDATED}",
            f"({dated} OR created_at IS NULL)",
        )


_ALL = _Asked([None], "true", "true", "NULL::DATE")


class _Rows(NamedTuple):
    """Some rows in the warehouse."""

    number: int
    version: str
    """Equal for equal rows, in any order."""


_NO_ROWS = _Rows(0, digest(0))


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the raw tables if they are not there."""
    connection.execute("CREATE SCHEMA IF NOT EXISTS raw")
    for name, source in SOURCES.items():
        columns = ", ".join(f"{column} {type_}" for column, type_ in source.columns.items())
        connection.execute(f"CREATE TABLE IF NOT EXISTS raw.{name} ({columns})")
    # Columns of statements of their own: warehouses of earlier versions do not have them.
    for name in WHOLE_TABLES:
        connection.execute(
            f"ALTER TABLE raw.{name} ADD COLUMN IF NOT EXISTS extracted_at TIMESTAMP"
        )
    for column in KEYS:
        connection.execute(f"ALTER TABLE raw.campaigns ADD COLUMN IF NOT EXISTS {column} VARCHAR")
    connection.execute(_EXTRACTED_DAYS)


def is_there(source: psycopg.Connection) -> bool:
    """Whether the source has all its tables."""
    row = source.execute(
        "SELECT bool_and(to_regclass(name) IS NOT NULL) FROM unnest(%s::text[]) AS name",
        [list(SOURCE_TABLES_OF.values())],
    ).fetchone()
    return row is not None and bool(row[0])


def undated(connection: duckdb.DuckDBPyConnection, table: RawTable) -> list[int]:
    """Ids of the events whose time is unset."""
    rows = connection.execute(
        f"SELECT id FROM raw.{table} WHERE created_at IS NULL ORDER BY id"
    ).fetchall()
    return [event_id for (event_id,) in rows]


def extract(  # noqa: PLR0913, PLR0917 - stores, days, tables, and who asks
    connection: duckdb.DuckDBPyConnection,
    source: Postgres,
    days: DayRange | None,
    tables: Collection[RawTable],
    run_id: str,
    names: Operational | None = None,
    forgotten: Collection[date] = (),
) -> dict[RawTable, Extracted]:
    """Make raw tables what the source holds now, and note their versions, in one transaction.

    Advertisers and campaigns are compared whole, and replaced if they differ, with the time of the
    extraction (naive UTC) in `extracted_at`, which the history of their changes goes by;
    impressions and clicks by the days of their `created_at` (as the source writes it, without a
    time zone), and the undated ones; of forgotten days, none. The counts that the source itself
    gives for each day go to `raw.extracted_days`, which is written each time.

    Raises:
        TransientError: the source went away meanwhile; nothing has changed.
        UserError: a column is missing or has another type; nothing has changed.
    """
    create_tables(connection)
    Notes.create(connection)
    # Of days, one with the other: what the source counts of them is noted for both.
    asked = {*tables, *EVENT_TABLES} if {*tables} & {*EVENT_TABLES} else {*tables}
    extracted: dict[RawTable, Extracted] = {}
    counts: dict[RawTable, Future[Summaries]] = {}
    with (
        source.snapshot() as snapshot,
        # The source counts while its rows are on their way.
        ThreadPoolExecutor(max_workers=1) as beside,
        transaction(connection),
    ):
        extraction = _Extraction(connection, snapshot, run_id, names or Operational(), forgotten)
        for name in (table for table in RAW_TABLES if table in asked):
            if name in WHOLE_TABLES:
                said = beside.submit(summaries.of_table, snapshot, extraction.sources[name])
                extracted[name] = extraction.of_table(name, said)
            elif days is not None:
                said = beside.submit(summaries.of_days, snapshot, extraction.sources[name], days)
                extracted[name] = extraction.of_days(name, days, said)
                counts[name] = said
        if days is not None and counts:
            extraction.note_counts(days, [counts[name].result() for name in EVENT_TABLES])
    return extracted


class _Extraction:
    """An extraction into an open transaction of the warehouse."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        snapshot: Snapshot,
        run_id: str,
        names: Operational,
        forgotten: Collection[date],
    ) -> None:
        self.sources = sources(names)
        self._forgotten = forgotten
        self._connection = connection
        self._snapshot = snapshot
        self._run_id = run_id
        self._notes = Notes(connection)
        self._at = _time_of_extraction(connection)

    def of_table(self, name: RawTable, said: Future[Summaries]) -> Extracted:
        """Renew a whole table, and note its version if it is not the last one."""
        part = f"raw.{name}"
        noted = self._notes.of(part)
        last = noted[max(day for day in noted if day)] if noted else None
        rows = self._renewed(name, _ALL, {None: last}, said)[None]
        changed: set[Day] = set()
        if rows.version != last:
            changed = self._notes.note(part, {self._at.date(): rows.version}, self._run_id)
        return Extracted({None: rows.number}, changed, is_whole=True)

    def of_days(self, name: RawTable, days: DayRange, said: Future[Summaries]) -> Extracted:
        """Renew the events of some days and the undated ones, and note their versions."""
        part, asked = f"raw.{name}", _Asked.events(days, self._forgotten)
        noted = dict.fromkeys(asked.days, _NO_ROWS.version) | self._notes.of(part)
        rows = self._renewed(name, asked, noted, said)
        versions = {day: each.version if each.number else None for day, each in rows.items()}
        return Extracted(
            {day: each.number for day, each in rows.items()},
            self._notes.note(part, versions, self._run_id),
        )

    def note_counts(self, days: DayRange, counts: Sequence[Summaries]) -> None:
        """Keep what the source counts of each event table, days without events included."""
        by_day: dict[Day, list[int]] = {
            day: [each.get(day, NO_ROWS).rows for each in counts]
            for day in days
            if day not in self._forgotten
        }
        self._connection.execute(
            "DELETE FROM raw.extracted_days WHERE event_date BETWEEN ? AND ?",
            [days.first, days.last],
        )
        self._connection.execute(
            "INSERT INTO raw.extracted_days "
            "SELECT unnest($days::DATE[]), unnest($impressions), unnest($clicks), $at, $run_id",
            {
                "days": list(by_day),
                "impressions": [impressions for impressions, _ in by_day.values()],
                "clicks": [clicks for _, clicks in by_day.values()],
                "at": self._at,
                "run_id": self._run_id,
            },
        )
        # An hour that is over without an event is news to what compares hours, as a day is.
        versions = {
            day: digest(*numbers, *_hours_so_far(day, self._at)) for day, numbers in by_day.items()
        }
        self._notes.note("raw.extracted_days", versions, self._run_id)

    def _renewed(
        self,
        name: RawTable,
        asked: _Asked,
        noted: Mapping[Day, str | None],
        said: Future[Summaries],
    ) -> dict[Day, _Rows]:
        """Make the asked rows what the source has; days that have not changed stay as they are.

        Nothing is sent if both the warehouse's rows and the source's are those of the last time.
        """
        held = self._rows(name, f"raw.{name}", asked)
        part = f"source.{name}"
        digests = self._notes.of(part)
        # What was never digested is new, or too large: its rows need not wait for the counts.
        if all(day in digests and held[day].version == noted[day] for day in asked.days):
            now = said.result()
            if all(now.get(day, NO_ROWS).digest == digests[day] for day in asked.days):
                return held
        if any(rows.number for rows in held.values()):
            self._connection.execute(f"CREATE TABLE {ARRIVING} AS FROM raw.{name} LIMIT 0")
            self._arrive(name, asked, ARRIVING, said)
            arrived = self._rows(name, ARRIVING, asked)
            same = {day for day in asked.days if arrived[day] == held[day]}
            known = {day for day in asked.days if arrived[day].version == noted[day]}
            self._replace(name, asked, [day for day in asked.days if day not in same & known])
            self._connection.execute(f"DROP TABLE {ARRIVING}")
        else:
            # Nothing to compare with: 3 million rows need not be written twice.
            self._arrive(name, asked, f"raw.{name}", said)
            arrived = self._rows(name, f"raw.{name}", asked)
        now = said.result()
        self._notes.note(
            part, {day: now.get(day, NO_ROWS).digest for day in asked.days}, self._run_id
        )
        return arrived

    def _rows(self, name: RawTable, table: str, asked: _Asked) -> dict[Day, _Rows]:
        """Number and fingerprint of the asked rows by day: 3 million take 0.03 s.

        Exact sum and exclusive or of 64-bit hashes of whole rows: a change goes unseen once in 2^64
        at the most. Another version of DuckDB may hash in another way, which makes every day that
        is extracted look changed, once.
        """
        found = self._connection.execute(
            f"""
            SELECT {asked.day} AS day, count(*), sum(hashed)::VARCHAR, bit_xor(hashed)::VARCHAR
            FROM (
                SELECT *, hash({SOURCES[name].columns_sql()}) AS hashed
                FROM {table} WHERE {asked.held}
            )
            GROUP BY ALL
            """
        ).fetchall()
        rows = {day: _Rows(number, digest(number, *hashes)) for day, number, *hashes in found}
        return {day: rows.get(day, _NO_ROWS) for day in asked.days}

    def _replace(self, name: RawTable, asked: _Asked, days: list[Day]) -> None:
        """Put the arrived rows of some days in the place of the held ones."""
        if not days:
            return
        those = (
            f"{asked.held} AND ({asked.day} IN (SELECT unnest($days::DATE[])) "
            f"OR ($undated AND {asked.day} IS NULL))"
        )
        values = {"days": [day for day in days if day is not None], "undated": None in days}
        for statement in (
            f"DELETE FROM raw.{name} WHERE {those}",
            f"INSERT INTO raw.{name} FROM {ARRIVING} WHERE {those}",
        ):
            self._connection.execute(statement, values)

    def _arrive(self, name: RawTable, asked: _Asked, into: str, said: Future[Summaries]) -> None:
        try:
            self._insert(name, asked, into)
        except Exception:
            said.result()  # what has stopped the counting ends the snapshot: it says why
            raise

    def _insert(self, name: RawTable, asked: _Asked, into: str) -> None:
        source = self.sources[name]
        query = f"SELECT {source.columns_sql()} FROM {source.relation} WHERE {asked.of_source}"
        with self._snapshot.stream(query) as rows:
            _check_types(source, rows.schema)
            columns = [
                f"{_exact(column, type_)} AS {column}" for column, type_ in source.columns.items()
            ]
            values = {}
            if name in WHOLE_TABLES:
                columns.append("$extracted_at AS extracted_at")
                values["extracted_at"] = self._at
            self._connection.register("source_rows", rows)
            try:
                self._connection.execute(
                    f"INSERT INTO {into} BY NAME SELECT {', '.join(columns)} FROM source_rows",
                    values,
                )
            except (duckdb.ConversionException, duckdb.InvalidInputException) as error:
                raise UserError(
                    f"The source table {source.shown_as} holds a value that the warehouse cannot "
                    f"keep as it is ({first_line(error)}). Nothing was changed; correct it there."
                ) from error
            self._connection.unregister("source_rows")


def _time_of_extraction(connection: duckdb.DuckDBPyConnection) -> datetime:
    """Now in naive UTC, but always after the extraction before: the clock may have jumped back."""
    now = _utc_now()
    tables = " UNION ALL ".join(
        f"SELECT max(extracted_at) AS extracted_at FROM raw.{table}"
        for table in (*WHOLE_TABLES, "extracted_days")
    )
    found = connection.execute(f"SELECT max(extracted_at) FROM ({tables})").fetchone()
    before = found[0] if found else None
    return now if before is None else max(now, before + timedelta(microseconds=1))


def _utc_now() -> datetime:
    """Naive."""
    return datetime.now(UTC).replace(tzinfo=None)


def _hours_so_far(day: Day, at: datetime) -> tuple[int, ...]:
    """How many hours of a day (UTC) have ended by a time; nothing once the day has."""
    if day is None or day < at.date():
        return ()
    return (at.hour if day == at.date() else 0,)


def _exact(column: str, type_: str) -> str:
    """The column as its type in the warehouse: money unrounded, dates of no calendar unset."""
    cast = f"CAST({column} AS {type_})"
    if type_ in ("DATE", "TIMESTAMP"):
        return f"CASE WHEN year({cast}) BETWEEN 1 AND 9999 THEN {cast} END"
    if not type_.startswith("DECIMAL"):
        return cast
    return (
        f"CASE WHEN {column} IS NULL OR CAST({column} AS DECIMAL(38, 20)) = {cast} THEN {cast} "
        f"ELSE error('{column} ' || {column} || ' is no {type_}') END"
    )


def _check_types(source: Source, schema: pa.Schema) -> None:
    import pyarrow as pa  # noqa: PLC0415 - takes 0.05 s, and this module's names are in wide use

    # Types in which the driver may deliver a column; another one means that the source has changed.
    accepted = {
        "INTEGER": (pa.types.is_integer,),
        "BIGINT": (pa.types.is_integer,),
        "VARCHAR": (pa.types.is_string, pa.types.is_large_string),
        "TIMESTAMP": (lambda found: pa.types.is_timestamp(found) and found.tz is None,),
        "DATE": (pa.types.is_date,),
        "DECIMAL": (lambda found: "type_name=numeric," in str(found),),  # text, so exact
    }
    for column, type_ in source.columns.items():
        found = schema.field(column).type
        if not any(accepts(found) for accepts in accepted[type_.partition("(")[0]]):
            raise UserError(
                f"The source column {source.shown_as}.{source.names[column]} is now {found}, not "
                f"{type_}. Nothing was changed; adapt the pipeline or the source."
            )
