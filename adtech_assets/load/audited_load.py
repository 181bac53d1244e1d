"""The audited table `csv_data_task`, and `load_audit`: what was loaded, from which files, when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from psycopg import sql

from adtech_assets.errors import UserError
from adtech_assets.rollup.hourly import HourCount
from adtech_assets.stores import ownership
from adtech_assets.stores.postgres import copy_csv, copy_rows, retried

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import psycopg

    from adtech_assets.feed.ledger import DayFiles
    from adtech_assets.partitions import DayRange
    from adtech_assets.stores.identity import Identity
    from adtech_assets.stores.postgres import Postgres

CSV_DATA_TASK = {
    "datetime": "TIMESTAMP NOT NULL UNIQUE",
    "impression_count": "BIGINT NOT NULL",
    "click_count": "BIGINT NOT NULL",
    "audit_loaded_datetime": "TIMESTAMP NOT NULL",
}
LOAD_AUDIT = {
    "day": "DATE PRIMARY KEY",
    "user_agent": "TEXT NOT NULL",
    "run_id": "TEXT NOT NULL",
    "row_count": "BIGINT NOT NULL",
    "impression_count": "BIGINT NOT NULL",
    "click_count": "BIGINT NOT NULL",
    "file_count": "BIGINT NOT NULL",
    "files_fingerprint": "TEXT NOT NULL",
    "loaded_at": "TIMESTAMP NOT NULL",
}
_TABLES = {"csv_data_task": CSV_DATA_TASK, "load_audit": LOAD_AUDIT}

_BLOCK_DAYS = 500
"""Days of a block of COPY, at most 0.8 MB."""


@dataclass(frozen=True)
class DayLoad:
    """What is to be in the table for a day, and the files it was counted from."""

    day: date
    counts: list[HourCount]
    files: DayFiles | None
    """None: no file has been counted for the day, which leaves it without an audit row."""


@dataclass(frozen=True)
class LoadedDay:
    """What `load_audit` says of a day."""

    day: date
    user_agent: str
    run_id: str
    row_count: int
    impression_count: int
    click_count: int
    file_count: int
    files_fingerprint: str
    loaded_at: datetime


@retried
def replace_days(
    target: Postgres,
    loads: Sequence[DayLoad],
    *,
    warehouse: Identity,
    user_agent: str,
    run_id: str,
) -> None:
    """Replace the days' rows and their audit rows in one transaction.

    Args:
        target: the database.
        loads: what is to be in it.
        warehouse: from which the days come; the target must be its own.
        user_agent: whose counts these are.
        run_id: of the run that loads.

    Raises:
        TransientError: the database did not come back within the retries; nothing has changed.
        UserError: the warehouse knows fewer files of a day than were loaded, or the target is
            another's; nothing has changed.
    """
    now = datetime.now(UTC).replace(tzinfo=None)
    with ownership.writing(target, warehouse) as connection, connection.cursor() as cursor:
        _create_tables(connection)
        days = [load.day for load in loads]
        _refuse_to_forget(loads, audits(connection, days))
        cursor.execute(
            "DELETE FROM public.csv_data_task USING unnest(%s::date[]) AS day "
            "WHERE datetime >= day AND datetime < day + 1",
            [days],
        )
        cursor.execute("DELETE FROM public.load_audit WHERE day = ANY(%s::date[])", [days])
        copy_csv(
            cursor,
            sql.SQL("public.csv_data_task"),
            list(CSV_DATA_TASK),
            (_lines(loads[n : n + _BLOCK_DAYS], now) for n in range(0, len(loads), _BLOCK_DAYS)),
        )
        copy_rows(
            cursor,
            sql.SQL("public.load_audit"),
            list(LOAD_AUDIT),
            (
                (
                    load.day,
                    user_agent,
                    run_id,
                    len(load.counts),
                    sum(c.impressions for c in load.counts),
                    sum(c.clicks for c in load.counts),
                    load.files.files,
                    load.files.fingerprint,
                    now,
                )
                for load in loads
                if load.files is not None
            ),
        )


@dataclass(frozen=True)
class Loaded:
    """What the target has now."""

    days: dict[date, LoadedDay]
    """By `load_audit`, every day."""
    counts: dict[date, list[HourCount]]
    """In `csv_data_task`, of the days that were asked for."""
    edited: set[date]
    """Days whose rows are not what the audit says, and asked ones with rows that no load wrote."""


@retried
def read(target: Postgres, days: Collection[date]) -> Loaded:
    """Read every audit row, and the rows of some days.

    Raises:
        TransientError: the database did not come back within the retries.
    """
    with target.connect(read_only=True) as connection:
        audited = audits(connection)
        edited = {at.date() for at in times_within_hours(connection, days)}
        counts: dict[date, list[HourCount]] = {day: [] for day in days}
        for count in loaded_counts(connection, days):
            counts[count.day].append(count)
        totals = _totals(connection)
    # Rows of other days that have no audit may be of whoever filled the table before us.
    for day, audit in audited.items():
        told = (audit.row_count, audit.impression_count, audit.click_count)
        if totals.get(day, (0, 0, 0)) != told:
            edited.add(day)
    return Loaded(audited, counts, edited)


def _totals(connection: psycopg.Connection) -> dict[date, tuple[int, int, int]]:
    """Rows, impressions and clicks of each day in `csv_data_task`."""
    if not _exists(connection, "csv_data_task"):
        return {}
    rows = connection.execute(
        "SELECT datetime::date, count(*), sum(impression_count)::bigint, sum(click_count)::bigint "
        "FROM public.csv_data_task GROUP BY 1"
    ).fetchall()
    return {day: (number, impressions, clicks) for day, number, impressions, clicks in rows}


def _lines(loads: Sequence[DayLoad], now: datetime) -> bytes:
    """Rows of `csv_data_task` as CSV; 1 million take 0.4 s, as tuples for COPY 3 s."""
    lines: list[str] = []
    audited = f",{now}\n"  # a time is made into text as slowly as a whole line
    for load in loads:
        day = str(load.day)
        lines += [f"{day} {c.hour}:00,{c.impressions},{c.clicks}{audited}" for c in load.counts]
    return "".join(lines).encode()


def is_of(loaded: LoadedDay | None, files: DayFiles | None, user_agent: str) -> bool:
    """Whether a day is loaded from these files, for this user agent."""
    return loaded is not None and (loaded.files_fingerprint, loaded.user_agent) == (
        files and files.fingerprint,
        user_agent,
    )


def loses_files(files: DayFiles | None, loaded: LoadedDay | None) -> bool:
    """Whether the warehouse knows fewer files than were loaded: it, or its archive, was lost."""
    return loaded is not None and (files.files if files else 0) < loaded.file_count


def audits(
    connection: psycopg.Connection, days: Collection[date] | None = None
) -> dict[date, LoadedDay]:
    """What has been loaded of some days, or of all; nothing where nothing ever was."""
    if not _exists(connection, "load_audit"):
        return {}
    columns = sql.SQL(", ").join(map(sql.Identifier, list(LOAD_AUDIT)))
    query = sql.SQL("SELECT {} FROM public.load_audit").format(columns)
    if days is None:
        rows = connection.execute(query).fetchall()
    else:
        rows = connection.execute(
            query + sql.SQL(" WHERE day = ANY(%s::date[])"), [list(days)]
        ).fetchall()
    return {row[0]: LoadedDay(*row) for row in rows}


def forget(connection: psycopg.Connection, day: date) -> None:
    """Delete what `load_audit` says of a day: the next load may be made from fewer files."""
    connection.execute("DELETE FROM public.load_audit WHERE day = %s", [day])


def erase(connection: psycopg.Connection, days: DayRange) -> dict[str, int]:
    """Delete all that there is of some days; how many rows, by table."""
    erased = {}
    for table, column in (("csv_data_task", "datetime"), ("load_audit", "day")):
        if _exists(connection, table):
            found = connection.execute(
                f"DELETE FROM public.{table} WHERE {column} >= %s AND {column} < %s".encode(),
                [days.first, days.end],
            )
            erased[f"rows of {table}"] = found.rowcount
    return erased


def loaded_counts(connection: psycopg.Connection, days: Collection[date]) -> list[HourCount]:
    """The rows of `csv_data_task` for the days, ordered by time."""
    if not _exists(connection, "csv_data_task"):
        return []
    rows = connection.execute(
        "SELECT datetime, impression_count, click_count FROM public.csv_data_task "
        "JOIN unnest(%s::date[]) AS day ON datetime >= day AND datetime < day + 1 "
        "ORDER BY datetime",
        [list(days)],
    ).fetchall()
    return [HourCount(at.date(), at.hour, impressions, clicks) for at, impressions, clicks in rows]


def times_within_hours(connection: psycopg.Connection, days: Collection[date]) -> list[datetime]:
    """Times in `csv_data_task` that no load has written: they are not the start of an hour."""
    if not _exists(connection, "csv_data_task"):
        return []
    rows = connection.execute(
        "SELECT datetime FROM public.csv_data_task "
        "JOIN unnest(%s::date[]) AS day ON datetime >= day AND datetime < day + 1 "
        "WHERE datetime <> date_trunc('hour', datetime) ORDER BY datetime",
        [list(days)],
    ).fetchall()
    return [at for (at,) in rows]


def _create_tables(connection: psycopg.Connection) -> None:
    """Make what is missing; IF NOT EXISTS would ask for a privilege even where nothing is."""
    for table, columns in _TABLES.items():
        if not _exists(connection, table):
            definitions = ", ".join(f"{name} {type_}" for name, type_ in columns.items())
            connection.execute(f"CREATE TABLE public.{table} ({definitions})".encode())
    _identify_rows(connection)


def _identify_rows(connection: psycopg.Connection) -> None:
    """Say by what rows of `csv_data_task` are known: it has no primary key.

    Where a publication has the table (FOR ALL TABLES, say), Postgres deletes no row without it.
    """
    unknown = connection.execute(
        """
        SELECT indexrelid::regclass::text FROM pg_class
        JOIN pg_index ON indrelid = pg_class.oid
        WHERE pg_class.oid = 'public.csv_data_task'::regclass AND pg_has_role(relowner, 'USAGE')
        AND relreplident = 'd' AND indisunique AND indimmediate AND indnkeyatts = 1
        AND indpred IS NULL AND indexprs IS NULL
        AND indkey[0] = (
            SELECT attnum FROM pg_attribute WHERE attrelid = indrelid AND attname = 'datetime'
        )
        AND NOT EXISTS (
            SELECT FROM pg_index AS key WHERE key.indrelid = pg_class.oid AND key.indisprimary
        )
        """
    ).fetchall()
    for (index,) in unknown[:1]:
        connection.execute(
            f"ALTER TABLE public.csv_data_task REPLICA IDENTITY USING INDEX {index}".encode()
        )


def _exists(connection: psycopg.Connection, table: str) -> bool:
    row = connection.execute("SELECT to_regclass(%s)", [f"public.{table}"]).fetchone()
    return row is not None and row[0] is not None


def _refuse_to_forget(loads: Sequence[DayLoad], audited: dict[date, LoadedDay]) -> None:
    """Stop when a day would lose files."""
    for load in loads:
        if loses_files(load.files, audited.get(load.day)):
            known = load.files.files if load.files else 0
            raise UserError(
                f"{load.day} was loaded from {audited[load.day].file_count} files, but the "
                f"warehouse knows {known}. "
                "Its rows were kept. Put the missing files back into the landing folder and load "
                f"the day again; if they are gone for good: adtech logs accept-loss {load.day}"
            )
