"""Nothing lost, nothing twice: counts that must be equal, day by day, from file to table.

files delivered = loaded + duplicate + quarantined: each lies where the ledger says
rows of each file: ledger = raw table = offsets of the name
rows of each day's files = events of each of the facts, the roll-up among them
roll-up of the configured user agent = CSV = csv_data_task = load_audit
rows of the source = raw operational tables
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adtech_assets.audit import inventory
from adtech_assets.contract import KINDS
from adtech_assets.feed.ledger import Ledger
from adtech_assets.feed.raw_tables import RAW_TABLES
from adtech_assets.load import audited_load, daily_csv
from adtech_assets.operational.snapshot import EVENT_TABLES
from adtech_assets.rollup import facts, hourly

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date
    from pathlib import Path

    import duckdb
    import psycopg

    from adtech_assets.contract import Kind
    from adtech_assets.operational.snapshot import RawTable
    from adtech_assets.partitions import DayRange
    from adtech_assets.rollup.facts import Facts
    from adtech_assets.rollup.hourly import HourCount
    from adtech_assets.settings import Settings


@dataclass(frozen=True)
class Difference:
    """Two counts that should be equal."""

    day: date | None
    """None: of a file whose name gives no day."""
    what: str
    """What is counted: a file, an hour, or a whole table."""
    expected_in: str
    expected: int
    found_in: str
    found: int

    def __str__(self) -> str:
        """Day, tables and numbers in a line."""
        return (
            f"{self.day or 'no day'} {self.what}: {self.expected:,} in {self.expected_in}, "
            f"{self.found:,} in {self.found_in}"
        )


def files_and_ledger(
    warehouse: duckdb.DuckDBPyConnection, settings: Settings, days: DayRange
) -> list[Difference]:
    """Files that do not lie where the ledger says, with their size; those that it does not know."""
    return [
        Difference(
            file.day,
            f"bytes of {file.name}",
            file.expected_in,
            file.expected,
            file.found_in,
            file.found,
        )
        for file in inventory.misplaced(warehouse, settings, days)
    ]


def ledger_and_raw(
    warehouse: duckdb.DuckDBPyConnection, kind: Kind, days: DayRange
) -> list[Difference]:
    """Files whose rows differ between ledger, raw table and the offsets in their name."""
    table = RAW_TABLES[kind]
    rows = warehouse.execute(
        f"""
        SELECT
            coalesce(files.file_date, events.file_date),
            coalesce(files.file_name, 'file ' || events.file_id),
            coalesce(CASE WHEN files.events_kept IS DISTINCT FROM false THEN files.rows END, 0),
            coalesce(events.rows, 0),
            files.rows,
            files.last_offset - files.first_offset + 1
        FROM (
            FROM raw.log_files
            WHERE kind = $kind AND status = 'loaded' AND file_date BETWEEN $first AND $last
        ) AS files
        FULL JOIN (
            SELECT file_id, file_date, count(*) AS rows FROM {table}
            WHERE file_date BETWEEN $first AND $last
            GROUP BY ALL
        ) AS events ON files.file_id = events.file_id
        ORDER BY ALL
        """,
        {"kind": kind, "first": days.first, "last": days.last},
    ).fetchall()
    found: list[Difference] = []
    for day, name, kept, in_raw, in_ledger, in_offsets in rows:
        if kept != in_raw:
            found.append(Difference(day, name, "the ledger", kept, table, in_raw))
        if in_offsets not in (None, in_ledger):
            found.append(Difference(day, name, "its offsets", in_offsets, "the ledger", in_ledger))
    return found


def ledger_and_facts(
    warehouse: duckdb.DuckDBPyConnection, of: Facts, days: DayRange
) -> list[Difference]:
    """Days whose counts do not total the events of their files."""
    counted = " UNION ALL ".join(
        f"SELECT {of.day} AS day, '{kind}' AS kind, 0 AS events, "
        f"sum({of.total_of(kind)}) AS counted FROM {of.table} GROUP BY {of.day}"
        for kind in of.kinds
    )
    rows = warehouse.execute(
        f"""
        SELECT day, kind, sum(events)::BIGINT, sum(counted)::BIGINT
        FROM (
            SELECT file_date AS day, kind, sum(rows) AS events, 0 AS counted FROM raw.log_files
            WHERE status = 'loaded' AND kind IN $kinds
            GROUP BY file_date, kind
            UNION ALL
            {counted}
        ) AS totals
        WHERE day BETWEEN $first AND $last
        GROUP BY day, kind
        HAVING sum(events) <> sum(counted)
        ORDER BY day, kind
        """,
        {"kinds": list(of.kinds), "first": days.first, "last": days.last},
    ).fetchall()
    return [
        Difference(day, kind, "the ledger", events, of.table, in_facts)
        for day, kind, events, in_facts in rows
    ]


def rollup_and_csv(
    warehouse: duckdb.DuckDBPyConnection, settings: Settings, days: DayRange
) -> list[Difference]:
    """Hours in which the CSV does not hold the roll-up of the configured user agent."""
    counted_days = Ledger(warehouse).day_files(days)
    expected = _by_day(hourly.hourly_counts(warehouse, days, settings.user_agent))
    return [
        difference
        for day in sorted(counted_days.keys() | expected.keys())
        if not daily_csv.holds(settings.output_dir, day, expected.get(day, []))
        for difference in _by_hour(
            *("the roll-up", expected.get(day, []), "the CSV"),
            _csv_rows(settings.output_dir, day) if day in counted_days else [],
        )
    ]


def csv_and_table(
    warehouse: duckdb.DuckDBPyConnection,
    target: psycopg.Connection,
    settings: Settings,
    days: DayRange,
) -> list[Difference]:
    """Hours in which csv_data_task does not hold the CSV; days that load_audit has wrong or not."""
    counted = Ledger(warehouse).day_files(days)
    found = _by_day(audited_load.loaded_counts(target, days))
    audited = audited_load.audits(target, days)
    told = counted.keys() | audited.keys()
    differences = [
        difference
        for day in sorted(told | found.keys())
        if not daily_csv.holds(settings.output_dir, day, found.get(day, []))
        for difference in _by_hour(
            *("the CSV", _csv_rows(settings.output_dir, day) if day in told else []),
            *("csv_data_task", found.get(day, [])),
        )
    ]
    differences += [
        Difference(at.date(), f"{at.time()} rows", "the CSV", 0, "csv_data_task", 1)
        for at in audited_load.times_within_hours(target, days)
    ]
    for day, files in counted.items():
        loaded = audited[day].file_count if day in audited else 0
        if loaded != files.files:
            differences.append(
                Difference(day, "files", "the ledger", files.files, "load_audit", loaded)
            )
    for day, audit in audited.items():
        rows = found.get(day, [])
        for what, expected, actual in (
            ("rows", audit.row_count, len(rows)),
            ("impressions", audit.impression_count, sum(row.impressions for row in rows)),
            ("clicks", audit.click_count, sum(row.clicks for row in rows)),
        ):
            if expected != actual:
                differences.append(
                    Difference(day, what, "load_audit", expected, "csv_data_task", actual)
                )
    return differences


def source_and_raw(
    warehouse: duckdb.DuckDBPyConnection, table: RawTable, days: DayRange
) -> list[Difference]:
    """Days that have other than the rows which the source counted in the same snapshot."""
    rows = warehouse.execute(
        f"""
        SELECT source.event_date, source.{table}, coalesce(copied.rows, 0)
        FROM raw.extracted_days AS source
        LEFT JOIN (
            SELECT created_at::DATE AS event_date, count(*) AS rows FROM raw.{table}
            WHERE created_at >= $first AND created_at < $end
            GROUP BY ALL
        ) AS copied ON source.event_date = copied.event_date
        WHERE source.event_date >= $first AND source.event_date < $end
        AND source.{table} <> coalesce(copied.rows, 0)
        ORDER BY ALL
        """,
        {"first": days.first, "end": days.end},
    ).fetchall()
    return [
        Difference(day, "rows", f"the source's {table}", expected, f"raw.{table}", found)
        for day, expected, found in rows
    ]


def all_differences(
    warehouse: duckdb.DuckDBPyConnection,
    target: psycopg.Connection,
    settings: Settings,
    days: DayRange,
) -> list[Difference]:
    """Every difference of the days, in data order. The ledger must exist.

    A table that no run has made yet has nothing that could differ.
    """
    tables = {
        f"{schema}.{table}"
        for schema, table in warehouse.execute(
            "SELECT schema_name, table_name FROM duckdb_tables()"
        ).fetchall()
    }
    differences = files_and_ledger(warehouse, settings, days)
    for kind in KINDS:
        differences += ledger_and_raw(warehouse, kind, days)
    # Of the facts the one that is loaded: the others may rightly be behind, where nobody has asked
    # for what is built of them.
    if facts.ROLLUP.table in tables:
        differences += ledger_and_facts(warehouse, facts.ROLLUP, days)
        differences += rollup_and_csv(warehouse, settings, days)
    differences += csv_and_table(warehouse, target, settings, days)
    for table in EVENT_TABLES:
        if tables >= {"raw.extracted_days", f"raw.{table}"}:
            differences += source_and_raw(warehouse, table, days)
    return differences


def _csv_rows(folder: Path, day: date) -> list[HourCount]:
    """Rows of a day's CSV file; a file that is gone has none, which is a difference."""
    return daily_csv.read(folder, day) if daily_csv.path_of(folder, day).exists() else []


def _by_day(rows: Iterable[HourCount]) -> dict[date, list[HourCount]]:
    found: dict[date, list[HourCount]] = {}
    for row in rows:
        found.setdefault(row.day, []).append(row)
    return found


def _by_hour(
    expected_in: str, expected: list[HourCount], found_in: str, found: list[HourCount]
) -> list[Difference]:
    """Compare rows, impressions and clicks hour by hour."""
    wanted, actual = _counter(expected), _counter(found)
    return [
        Difference(
            key[0], f"hour {key[1]} {key[2]}", expected_in, wanted[key], found_in, actual[key]
        )
        for key in sorted(wanted.keys() | actual.keys())
        if wanted[key] != actual[key]
    ]


def _counter(rows: list[HourCount]) -> Counter[tuple[date, int, str]]:
    counts: Counter[tuple[date, int, str]] = Counter()
    for row in rows:
        counts[row.day, row.hour, "rows"] += 1
        counts[row.day, row.hour, "impressions"] += row.impressions
        counts[row.day, row.hour, "clicks"] += row.clicks
    return counts
