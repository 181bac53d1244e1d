"""`raw.log_files`, the ledger: one row for every log file ever seen, committed with its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from adtech_assets.logs.refusals import Refusal
from adtech_assets.versions import Notes, digest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import date, datetime

    import duckdb

    from adtech_assets.logs.names import Kind, LogFileName
    from adtech_assets.logs.reader import ReadFile
    from adtech_assets.partitions import DayRange

Status = Literal["loaded", "duplicate", "quarantined", "replaced", "discarded"]
"""Replaced: another file took its place. Discarded: a person gave up a quarantined file."""

COUNTED: tuple[Status, ...] = ("loaded", "duplicate")
"""A file of this status is known: its events are counted, under its own name or another."""

RAW_TABLES: dict[Kind, str] = {"impressions": "raw.impression_logs", "clicks": "raw.click_logs"}
EVENT_COLUMNS = {
    "file_id": "BIGINT NOT NULL",
    "file_date": "DATE NOT NULL",
    "file_hour": "TINYINT NOT NULL",
    "event_at": "TIMESTAMP",
    "user_agent": "VARCHAR",
    "campaign_id": "BIGINT",
    "is_fraud": "BOOLEAN",
}
"""Of both raw tables: one row for each logged event."""

LEDGER_TABLE = "raw.log_files"

_SCHEMA = """
CREATE SCHEMA IF NOT EXISTS raw;

CREATE TABLE IF NOT EXISTS raw.log_files (
    file_id BIGINT NOT NULL,
    kind VARCHAR NOT NULL,
    file_name VARCHAR NOT NULL,
    sha256 VARCHAR,
    bytes BIGINT,
    modified_ns BIGINT,
    rows BIGINT,
    file_date DATE,
    file_hour TINYINT,
    first_offset BIGINT,
    last_offset BIGINT,
    feed_partition INTEGER,
    status VARCHAR NOT NULL,
    reason VARCHAR,
    detail VARCHAR,
    events_other_hour BIGINT,
    events_without_time BIGINT,
    missing_columns VARCHAR[],
    schema_fingerprint VARCHAR,
    first_seen_at TIMESTAMP NOT NULL,
    loaded_at TIMESTAMP,
    -- When the file itself was deleted on purpose, or its loss was accepted; its events stay.
    deleted_at TIMESTAMP,
    run_id VARCHAR
);
"""


@dataclass(frozen=True)
class SeenFile:
    """A file at the moment it was hashed. `sha256` is None for what could not be read."""

    kind: Kind
    file_name: str
    sha256: str | None
    bytes: int
    modified_ns: int
    identity: tuple[int, ...] = ()
    """Tells the file from any other, or from itself changed; for as long as it is being read."""


@dataclass(frozen=True)
class LedgerRow:
    """A file that the ledger knows."""

    file_id: int
    kind: Kind
    file_name: str
    sha256: str | None
    bytes: int
    modified_ns: int
    file_date: date | None
    first_offset: int | None
    last_offset: int | None
    feed_partition: int | None
    status: Status

    @classmethod
    def columns(cls) -> str:
        """The columns to select, in the order of the fields."""
        return ", ".join(cls.__dataclass_fields__)


@dataclass(frozen=True)
class Entry:
    """What became of a file, to be written to the ledger."""

    file_id: int
    seen: SeenFile
    name: LogFileName | None
    """What the name says; None where it cannot be read."""
    outcome: ReadFile | Refusal | Literal["duplicate"]
    detail: str | None = None
    schema_fingerprint: str | None = None
    """Of a loaded file: files of one kind that differ in it have different columns."""

    @property
    def status(self) -> Status:
        """Loaded, quarantined or duplicate."""
        if self.outcome == "duplicate":
            return "duplicate"
        return "quarantined" if isinstance(self.outcome, Refusal) else "loaded"

    def row(self) -> dict[str, object]:
        """The columns of the ledger that depend on the file alone."""
        refused = self.outcome if isinstance(self.outcome, Refusal) else None
        read = None if refused or self.outcome == "duplicate" else self.outcome
        offsets = self.name.offsets if self.name else None
        return {
            "file_id": self.file_id,
            "kind": self.seen.kind,
            "file_name": self.seen.file_name,
            "sha256": self.seen.sha256,
            "bytes": self.seen.bytes,
            "modified_ns": self.seen.modified_ns,
            "rows": getattr(read, "rows", None),
            "file_date": self.name.day if self.name else None,
            "file_hour": self.name.hour if self.name else None,
            "first_offset": offsets.first if offsets else None,
            "last_offset": offsets.last if offsets else None,
            "feed_partition": offsets.partition if offsets else None,
            "status": self.status,
            "reason": refused.reason if refused else None,
            "detail": refused.detail if refused else self.detail,
            "events_other_hour": getattr(read, "events_other_hour", None),
            "events_without_time": getattr(read, "events_without_time", None),
            "missing_columns": list(getattr(read, "missing_columns", ())),
            "schema_fingerprint": self.schema_fingerprint,
        }


_ENTRY_TYPES = {
    "file_id": "BIGINT",
    "kind": "VARCHAR",
    "file_name": "VARCHAR",
    "sha256": "VARCHAR",
    "bytes": "BIGINT",
    "modified_ns": "BIGINT",
    "rows": "BIGINT",
    "file_date": "DATE",
    "file_hour": "TINYINT",
    "first_offset": "BIGINT",
    "last_offset": "BIGINT",
    "feed_partition": "BIGINT",
    "status": "VARCHAR",
    "reason": "VARCHAR",
    "detail": "VARCHAR",
    "events_other_hour": "BIGINT",
    "events_without_time": "BIGINT",
    "missing_columns": "VARCHAR[]",
    "schema_fingerprint": "VARCHAR",
}


@dataclass(frozen=True)
class DayFiles:
    """The counted files of a day: how many, and a fingerprint of their names and contents."""

    files: int
    fingerprint: str


class Ledger:
    """Reads and writes `raw.log_files` on a connection; transactions are the caller's."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Use a connection to the warehouse."""
        self.connection = connection

    @staticmethod
    def create(connection: duckdb.DuckDBPyConnection) -> None:
        """Make the ledger and the raw log tables if they are not there."""
        connection.execute(_SCHEMA)
        columns = ", ".join(f"{name} {type_}" for name, type_ in EVENT_COLUMNS.items())
        for table in RAW_TABLES.values():
            connection.execute(f"CREATE TABLE IF NOT EXISTS {table} ({columns})")
        Notes.create(connection)
        ledger = Ledger(connection)
        if not Notes(connection).of(LEDGER_TABLE):
            # Of a warehouse that was filled before versions were noted.
            ledger.note_versions(ledger.loaded_days(), run_id="")

    @staticmethod
    def exists(connection: duckdb.DuckDBPyConnection) -> bool:
        """Whether any log file has ever been looked at."""
        query = (
            "SELECT 1 FROM duckdb_tables() WHERE schema_name = 'raw' AND table_name = 'log_files'"
        )
        return bool(connection.execute(query).fetchone())

    def next_file_id(self) -> int:
        """The first id that no file has."""
        row = self.connection.execute("SELECT coalesce(max(file_id), 0) + 1 FROM raw.log_files")
        return int((row.fetchone() or (1,))[0])

    def find(self, kind: Kind, names: Sequence[str], hashes: Sequence[str]) -> list[LedgerRow]:
        """Files of a kind with one of these names or one of these contents."""
        query = (
            f"SELECT {LedgerRow.columns()} FROM raw.log_files "
            "WHERE kind = ? AND status <> 'replaced' AND "
            # Of a list, each row would be compared with every item.
            "(file_name IN (SELECT unnest(?)) OR sha256 IN (SELECT unnest(?))) "
            "ORDER BY file_id"
        )
        rows = self.connection.execute(query, [kind, list(names), list(hashes)]).fetchall()
        return [LedgerRow(*row) for row in rows]

    def counted(self, name: str) -> LedgerRow | None:
        """The file of this name whose events are counted, under its own name or another."""
        query = (
            f"SELECT {LedgerRow.columns()} FROM raw.log_files WHERE file_name = ? AND status IN ?"
        )
        row = self.connection.execute(query, [name, list(COUNTED)]).fetchone()
        return LedgerRow(*row) if row else None

    def counted_of(self, names: Collection[str]) -> list[LedgerRow]:
        """Files of these names that are counted, or known as duplicates."""
        query = (
            f"SELECT {LedgerRow.columns()} FROM raw.log_files "
            "WHERE file_name IN (SELECT unnest(?::VARCHAR[])) AND status IN ?"
        )
        rows = self.connection.execute(query, [list(names), list(COUNTED)]).fetchall()
        return [LedgerRow(*row) for row in rows]

    def of_days(self, days: DayRange) -> list[LedgerRow]:
        """All files whose name gives one of these days."""
        query = (
            f"SELECT {LedgerRow.columns()} FROM raw.log_files "
            "WHERE file_date BETWEEN ? AND ? AND status <> 'replaced' ORDER BY file_id"
        )
        rows = self.connection.execute(query, [days.first, days.last]).fetchall()
        return [LedgerRow(*row) for row in rows]

    def counted_before(self, moment: datetime, days: DayRange) -> list[LedgerRow]:
        """Files of the days that were counted, or found to be duplicates, before a moment (UTC)."""
        query = (
            f"SELECT {LedgerRow.columns()} FROM raw.log_files WHERE status IN ? "
            "AND coalesce(loaded_at, first_seen_at) < ? AND file_date BETWEEN ? AND ?"
        )
        parameters = [list(COUNTED), moment, days.first, days.last]
        rows = self.connection.execute(query, parameters).fetchall()
        return [LedgerRow(*row) for row in rows]

    def loaded_offsets(self, kind: Kind, first: int, last: int) -> list[tuple[int, int, int, str]]:
        """Feed partition, first and last offset and name of loaded files that touch the range."""
        query = """
            SELECT feed_partition, first_offset, last_offset, file_name
            FROM raw.log_files
            WHERE kind = ? AND status = 'loaded' AND first_offset <= ? AND last_offset >= ?
        """
        return self.connection.execute(query, [kind, last, first]).fetchall()

    def loaded_days(self) -> list[date]:
        """The days that have counted files."""
        query = "SELECT DISTINCT file_date FROM raw.log_files WHERE status = 'loaded'"
        return [day for (day,) in self.connection.execute(query).fetchall()]

    def note_versions(self, days: Iterable[date], *, run_id: str) -> None:
        """Note the versions of the raw log tables and of the ledger for days that have changed.

        A day's version is a digest of the names and contents of its counted files; a day without
        any has none. To be called in the transaction that changed which files are counted.
        """
        touched = sorted(set(days))
        rows = self.connection.execute(
            """
            SELECT
                file_date,
                kind,
                string_agg(file_name || '/' || sha256, chr(10) ORDER BY file_name)
            FROM raw.log_files
            WHERE status = 'loaded' AND file_date IN (SELECT unnest(?::DATE[]))
            GROUP BY file_date, kind
            """,
            [touched],
        ).fetchall()
        by_table: dict[str, dict[date, str]] = {table: {} for table in RAW_TABLES.values()}
        for day, kind, files in rows:
            by_table[RAW_TABLES[kind]][day] = digest(files)
        notes = Notes(self.connection)
        for table, versions in by_table.items():
            notes.note(table, {day: versions.get(day) for day in touched}, run_id)
        counted = {day: [versions.get(day) for versions in by_table.values()] for day in touched}
        notes.note(
            LEDGER_TABLE,
            {day: digest(*found) if any(found) else None for day, found in counted.items()},
            run_id,
        )

    def day_files(self, days: Collection[date]) -> dict[date, DayFiles]:
        """The counted files of each day that has any."""
        query = """
            SELECT
                file_date,
                count(*),
                sha256(
                    string_agg(
                        kind || '/' || file_name || '/' || sha256, chr(10) ORDER BY kind, file_name
                    )
                )
            FROM raw.log_files
            WHERE status = 'loaded' AND file_date IN (SELECT unnest(?::DATE[]))
            GROUP BY file_date
        """
        rows = self.connection.execute(query, [list(days)]).fetchall()
        return {day: DayFiles(files, fingerprint) for day, files, fingerprint in rows}

    def day_totals(self, kind: Kind, days: Collection[date]) -> dict[date, dict[str, int]]:
        """What became of a kind's files of some days, and their events, by day."""
        cursor = self.connection.execute(
            """
            SELECT
                file_date,
                count(*) FILTER (status = 'loaded') AS files,
                coalesce(sum(rows) FILTER (status = 'loaded'), 0)::BIGINT AS events,
                coalesce(sum(events_other_hour), 0)::BIGINT AS events_of_another_hour,
                coalesce(sum(events_without_time), 0)::BIGINT AS events_without_time,
                count(DISTINCT schema_fingerprint) AS file_schemas,
                count(*) FILTER (status = 'duplicate') AS files_duplicate,
                count(*) FILTER (status = 'quarantined') AS files_quarantined
            FROM raw.log_files
            WHERE kind = ? AND status IN ('loaded', 'duplicate', 'quarantined')
                AND file_date IN (SELECT unnest(?::DATE[]))
            GROUP BY file_date
            """,
            [kind, list(days)],
        )
        names = [name for name, *_ in cursor.description][1:]
        return {day: dict(zip(names, totals, strict=True)) for day, *totals in cursor.fetchall()}

    def rows_by_day(self, days: Collection[date]) -> dict[date, int]:
        """How many files the ledger knows of each day that has any."""
        query = (
            "SELECT file_date, count(*) FROM raw.log_files "
            "WHERE file_date IN (SELECT unnest(?::DATE[])) GROUP BY ALL"
        )
        return dict(self.connection.execute(query, [list(days)]).fetchall())

    def mark_deleted(self, file_ids: Sequence[int], now: datetime) -> None:
        """Note that files are to be found nowhere any more; call it before they are deleted."""
        self.connection.execute(
            "UPDATE raw.log_files SET deleted_at = ? WHERE file_id IN ?", [now, list(file_ids)]
        )

    def record(self, entries: Sequence[Entry], *, run_id: str, now: datetime) -> None:
        """Write what became of files; a row for the same name and content is overwritten.

        So is one for the same name whose content could not be read.
        """
        if not entries:
            return
        rows = [entry.row() for entry in entries]
        values = {column: [row[column] for row in rows] for column in _ENTRY_TYPES}
        unnested = ", ".join(
            f"unnest(${column}::{type_}[]) AS {column}" for column, type_ in _ENTRY_TYPES.items()
        )
        same_file = (
            "old.kind = entries.kind AND old.file_name = entries.file_name "
            "AND (old.sha256 = entries.sha256 OR old.sha256 IS NULL)"
        )
        columns = ", ".join(f"entries.{column}" for column in _ENTRY_TYPES)
        # A join: with a subquery for the earliest time 500 files take 13 ms instead of 7.
        self.connection.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE new_log_files AS
            SELECT
                {columns},
                coalesce(min(old.first_seen_at), $now) AS first_seen_at,
                CASE WHEN entries.status = 'loaded' THEN $now END AS loaded_at,
                $run_id AS run_id
            FROM (SELECT {unnested}) AS entries
            LEFT JOIN raw.log_files AS old ON {same_file}
            GROUP BY ALL
            """,
            {**values, "now": now, "run_id": run_id},
        )
        self.connection.execute(
            f"DELETE FROM raw.log_files AS old USING new_log_files AS entries WHERE {same_file}"
        )
        self.connection.execute("INSERT INTO raw.log_files BY NAME FROM new_log_files")
        # A good file of the same name settles the refused ones before it, but no conflict: that
        # one is about which of two files is good.
        self.connection.execute(
            """
            UPDATE raw.log_files AS refused SET status = 'replaced'
            FROM new_log_files AS good
            WHERE refused.status = 'quarantined' AND refused.reason <> 'conflict'
                AND good.status = 'loaded'
                AND refused.kind = good.kind AND refused.file_name = good.file_name
            """
        )
        self.note_versions(
            (e.name.day for e in entries if e.status == "loaded" and e.name), run_id=run_id
        )
