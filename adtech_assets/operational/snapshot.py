"""Copies the operational tables into the warehouse, all four as they were at one instant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal, get_args

import duckdb

from adtech_assets.errors import UserError
from adtech_assets.stores.warehouse import first_line, transaction

if TYPE_CHECKING:
    from collections.abc import Collection

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
    columns: dict[str, str]

    def columns_sql(self) -> str:
        """The columns' names for a select list."""
        return ", ".join(self.columns)


SOURCES: dict[RawTable, Source] = {
    "advertisers": Source(
        "advertiser",
        {
            "id": "INTEGER",
            "name": "VARCHAR",
            "updated_at": "TIMESTAMP",
            "created_at": "TIMESTAMP",
        },
    ),
    "campaigns": Source(
        "campaign",
        {
            "id": "INTEGER",
            "name": "VARCHAR",
            "bid": "DECIMAL(10, 2)",
            "budget": "DECIMAL(10, 2)",
            "start_date": "DATE",
            "end_date": "DATE",
            "advertiser_id": "INTEGER",
            "updated_at": "TIMESTAMP",
            "created_at": "TIMESTAMP",
        },
    ),
    "impressions": Source(
        "impressions", {"id": "BIGINT", "campaign_id": "INTEGER", "created_at": "TIMESTAMP"}
    ),
    "clicks": Source(
        "clicks", {"id": "BIGINT", "campaign_id": "INTEGER", "created_at": "TIMESTAMP"}
    ),
}

# Neither Python nor most readers of a CSV know dates outside the years 1 to 9999, and an open end
# that Postgres calls `infinity` reaches us as a day before Christ. They are unset: NULL.
UNDATED = "(created_at IS NULL OR created_at < '0001-01-01' OR created_at >= '10000-01-01')"
"""Condition in the source: the event is of no day that could ever be loaded."""

_EXTRACTED_DAYS = """
CREATE TABLE IF NOT EXISTS raw.extracted_days (
    event_date DATE NOT NULL,
    impressions BIGINT NOT NULL,
    clicks BIGINT NOT NULL,
    extracted_at TIMESTAMP NOT NULL,
    run_id VARCHAR NOT NULL
)
"""


@dataclass(frozen=True)
class Extracted:
    """Rows now in a raw table for the extracted days (all rows of the whole tables)."""

    rows: int
    undated: int = 0
    """Events whose `created_at` is unset, which no day claims; they are copied with every day."""


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the raw tables if they are not there."""
    connection.execute("CREATE SCHEMA IF NOT EXISTS raw")
    for name, source in SOURCES.items():
        columns = ", ".join(f"{column} {type_}" for column, type_ in source.columns.items())
        connection.execute(f"CREATE TABLE IF NOT EXISTS raw.{name} ({columns})")
    for name in WHOLE_TABLES:
        # A column of its own statement: warehouses of earlier versions do not have it.
        connection.execute(
            f"ALTER TABLE raw.{name} ADD COLUMN IF NOT EXISTS extracted_at TIMESTAMP"
        )
    connection.execute(_EXTRACTED_DAYS)


def extract(
    connection: duckdb.DuckDBPyConnection,
    source: Postgres,
    days: DayRange | None,
    tables: Collection[RawTable],
    run_id: str,
) -> dict[RawTable, Extracted]:
    """Replace raw tables by what the source holds now, in one transaction.

    Advertisers and campaigns are replaced whole, with the time of the extraction (naive UTC) in
    `extracted_at`, which the history of their changes goes by; impressions and clicks for the days
    of their `created_at` (as the source writes it, without a time zone), and the undated ones. The
    counts that the source itself gives for each day go to `raw.extracted_days`.

    Raises:
        TransientError: the source went away meanwhile; nothing has changed.
        UserError: a column is missing or has another type; nothing has changed.
    """
    create_tables(connection)
    extracted: dict[RawTable, Extracted] = {}
    with source.snapshot() as snapshot, transaction(connection):
        extracted_at = _time_of_extraction(connection)
        for name in tables:
            if name in EVENT_TABLES:
                if days is not None:
                    extracted[name] = _replace_days(connection, snapshot, name, days)
            else:
                extracted[name] = _replace_whole(connection, snapshot, name, extracted_at)
        if days is not None and set(EVENT_TABLES) <= set(tables):
            _note_days(connection, snapshot, days, extracted_at, run_id)
    return extracted


def _time_of_extraction(connection: duckdb.DuckDBPyConnection) -> datetime:
    """Now in naive UTC, but always after the extraction before: the clock may have jumped back."""
    now = datetime.now(UTC).replace(tzinfo=None)
    tables = " UNION ALL ".join(
        f"SELECT max(extracted_at) AS extracted_at FROM raw.{table}"
        for table in (*WHOLE_TABLES, "extracted_days")
    )
    found = connection.execute(f"SELECT max(extracted_at) FROM ({tables})").fetchone()
    before = found[0] if found else None
    return now if before is None else max(now, before + timedelta(microseconds=1))


def _replace_whole(
    connection: duckdb.DuckDBPyConnection,
    snapshot: Snapshot,
    name: RawTable,
    extracted_at: datetime,
) -> Extracted:
    source = SOURCES[name]
    connection.execute(f"DELETE FROM raw.{name}")
    rows = _insert(connection, snapshot, name, f"SELECT {source.columns_sql()} FROM {source.table}")
    connection.execute(f"UPDATE raw.{name} SET extracted_at = ?", [extracted_at])
    return Extracted(rows)


def _replace_days(
    connection: duckdb.DuckDBPyConnection, snapshot: Snapshot, name: RawTable, days: DayRange
) -> Extracted:
    source = SOURCES[name]
    dated = f"created_at >= '{days.first}' AND created_at < '{days.end}'"
    connection.execute(f"DELETE FROM raw.{name} WHERE {dated} OR created_at IS NULL")
    select = f"SELECT {source.columns_sql()} FROM {source.table}"
    # Two queries, since the two are counted apart. Both use the index on created_at.
    rows = _insert(connection, snapshot, name, f"{select} WHERE {dated}")
    undated = _insert(connection, snapshot, name, f"{select} WHERE {UNDATED}")
    return Extracted(rows, undated)


def _insert(
    connection: duckdb.DuckDBPyConnection, snapshot: Snapshot, name: RawTable, query: str
) -> int:
    with snapshot.stream(query) as rows:
        _check_types(name, rows.schema)
        columns = ", ".join(
            f"{_exact(column, type_)} AS {column}"
            for column, type_ in SOURCES[name].columns.items()
        )
        connection.register("source_rows", rows)
        try:
            inserted = connection.execute(
                f"INSERT INTO raw.{name} BY NAME SELECT {columns} FROM source_rows"
            ).fetchone()
        except (duckdb.ConversionException, duckdb.InvalidInputException) as error:
            raise UserError(
                f"The source table {SOURCES[name].table} holds a value that the warehouse cannot "
                f"keep as it is ({first_line(error)}). Nothing was changed; correct it there."
            ) from error
        connection.unregister("source_rows")
    return int(inserted[0]) if inserted else 0


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


def _check_types(name: RawTable, schema: pa.Schema) -> None:
    import pyarrow as pa  # noqa: PLC0415 - takes 0.05 s, and this module's names are in wide use

    # Types in which the driver may deliver a column; another one means that the source has changed.
    accepted = {
        "INTEGER": (pa.types.is_integer,),
        "BIGINT": (pa.types.is_integer,),
        "VARCHAR": (pa.types.is_string, pa.types.is_large_string),
        "TIMESTAMP": (lambda found: pa.types.is_timestamp(found) and found.tz is None,),
        "DATE": (pa.types.is_date,),
        "DECIMAL(10, 2)": (lambda found: "type_name=numeric," in str(found),),  # text, so exact
    }
    source = SOURCES[name]
    for column, type_ in source.columns.items():
        found = schema.field(column).type
        if not any(accepts(found) for accepts in accepted[type_]):
            raise UserError(
                f"The source column {source.table}.{column} is now {found}, not {type_}. "
                "Nothing was changed; adapt the pipeline or the source."
            )


def _note_days(
    connection: duckdb.DuckDBPyConnection,
    snapshot: Snapshot,
    days: DayRange,
    extracted_at: datetime,
    run_id: str,
) -> None:
    """Keep what the source counts for each day, days without events included."""
    for name in EVENT_TABLES:
        counts = snapshot.table(
            f"SELECT created_at::date AS event_date, count(*) AS events FROM {name} "
            f"WHERE created_at >= '{days.first}' AND created_at < '{days.end}' GROUP BY 1"
        )
        connection.register(f"source_{name}", counts)
    connection.execute(
        "DELETE FROM raw.extracted_days WHERE event_date BETWEEN ? AND ?", [days.first, days.last]
    )
    connection.execute(
        """
        INSERT INTO raw.extracted_days
        SELECT
            day::DATE,
            coalesce(impressions.events, 0),
            coalesce(clicks.events, 0),
            $extracted_at,
            $run_id
        FROM generate_series($first::DATE, $last::DATE, INTERVAL 1 DAY) AS days (day)
        LEFT JOIN source_impressions AS impressions ON day::DATE = impressions.event_date
        LEFT JOIN source_clicks AS clicks ON day::DATE = clicks.event_date
        """,
        {
            "first": days.first,
            "last": days.last,
            "extracted_at": extracted_at,
            "run_id": run_id,
        },
    )
    for name in EVENT_TABLES:
        connection.unregister(f"source_{name}")
