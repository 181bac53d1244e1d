"""Postgres connections: where the two databases are, what may be retried, how rows get in fast."""

from __future__ import annotations

import contextlib
import logging
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NoReturn, ParamSpec, TypeVar

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from tenacity import retry, retry_if_exception_type, wait_random_exponential

from adtech_assets.environment import forget
from adtech_assets.errors import GaveUpError, TransientError, UserError
from adtech_assets.settings import BI_ROLE, masked_url
from adtech_assets.stores import embedded_postgres, faults
from adtech_assets.stores.lock_watch import waits_told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import adbc_driver_manager as adbc
    import pyarrow as pa
    from tenacity import RetryCallState

    from adtech_assets.settings import Settings

logger = logging.getLogger(__name__)

Role = Literal["source", "target"]

CONNECT_SECONDS = 10
KEPT_ALIVE = {"keepalives_idle": 60, "keepalives_interval": 10, "keepalives_count": 6}
"""A server that is gone without a word is noticed after two minutes; by default, after two hours.
What the URL says of it counts."""
LOCK_SECONDS = 0.5
"""How long a writer waits for a lock at once: whoever comes later queues behind it, readers too."""
RETRY_SECONDS = 30.0
"""How long a step tries again: a server that restarts is back within seconds; for more than that,
somebody should know."""

P = ParamSpec("P")
R = TypeVar("R")


class Postgres:
    """One Postgres database by role: `source` (operational) or `target` (analytics)."""

    def __init__(
        self,
        url: Callable[[], str],
        shown_as: str,
        *,
        is_embedded: bool = False,
        readers: str = BI_ROLE,
    ) -> None:
        """Take the URL as a call: the embedded server starts when it is first needed."""
        self._url = url
        self.readers = readers
        """The role that may read what is published."""
        self.shown_as = shown_as
        self.is_embedded = is_embedded
        """Whether it lies in the data folder itself."""

    @classmethod
    def of(cls, settings: Settings, role: Role) -> Postgres:
        """The database that the settings name for this role; the embedded one by default."""
        configured = (
            settings.source_database_url if role == "source" else settings.target_database_url
        )
        if configured is not None:
            return cls(
                configured.get_secret_value, masked_url(configured), readers=settings.bi_role
            )
        database: embedded_postgres.Database = "operational" if role == "source" else "analytics"
        folder = settings.data_dir / "postgres"
        return cls(
            lambda: embedded_postgres.database_url(folder, database),
            f"embedded Postgres, database {database}",
            is_embedded=True,
            readers=settings.bi_role,
        )

    def url(self) -> str:
        """The URL for libpq, password included: never to be shown."""
        scheme, rest = self._url().split("://", 1)
        return f"{scheme.split('+')[0]}://{rest}"

    def _conninfo(self) -> str:
        forget("PG")
        try:
            return make_conninfo(
                "",
                **{**KEPT_ALIVE, **conninfo_to_dict(self.url())},
                connect_timeout=CONNECT_SECONDS,
                application_name="adtech_assets",
                client_encoding="UTF8",  # ADBC takes all text for UTF-8, whatever the database's
            )
        except psycopg.ProgrammingError:
            # Its text shows what cannot be read, which may be a part of the password.
            raise UserError(
                f"{self.shown_as}: the options of the URL, after its ?, cannot be read. "
                f"{faults.CHECK_URLS}"
            ) from None

    @contextlib.contextmanager
    def connect(
        self, *, read_only: bool = False, one_instant: bool = False
    ) -> Iterator[psycopg.Connection]:
        """Open a transaction; commit at the end, roll back on any exception.

        Nobody waits for a lock without a bound, and no row is hidden without an error.

        Args:
            read_only: whether nothing is to be written.
            one_instant: whether every query sees the same instant.

        Raises:
            TransientError: a fault that may pass, now or in the middle of the work; of a lock that
                is held, it names who holds it.
            UserError: one that will not: wrong password, database or privilege.
        """
        conninfo = self._conninfo()
        # A commit may fail too, so the errors are translated around the whole block.
        with (
            faults.translated(self.shown_as),
            self._login(conninfo) as connection,
            waits_told(conninfo, self.shown_as, [connection.info.backend_pid]),
        ):
            connection.read_only = read_only
            if one_instant:
                connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.execute("; ".join(_terms(read_only=read_only)).encode())
            yield connection

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Open a read-only, repeatable-read transaction: every query sees the same instant.

        Raises:
            TransientError: a fault that may pass, now or in the middle of the work.
            UserError: one that will not.
        """
        conninfo = self._conninfo()
        with (
            faults.translated(self.shown_as),
            # Closed and not committed: what was read stays read, if the server is gone by then.
            contextlib.closing(self._login(conninfo)) as connection,
            contextlib.ExitStack() as opened,
        ):
            pids = [connection.info.backend_pid]
            opened.enter_context(waits_told(conninfo, self.shown_as, pids))
            connection.read_only = True
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.execute("; ".join(_terms(read_only=True)).encode())
            [(instant,)] = connection.execute("SELECT pg_export_snapshot()").fetchall()

            def connect_arrow() -> adbc.AdbcConnection:
                return opened.enter_context(self._arrow(conninfo, instant, pids))

            yield Snapshot(connection, connect_arrow)

    def _login(self, conninfo: str) -> psycopg.Connection:
        with faults.translated_login(self.shown_as, conninfo):
            return psycopg.connect(conninfo)

    @contextlib.contextmanager
    def _arrow(self, conninfo: str, instant: str, pids: list[int]) -> Iterator[adbc.AdbcConnection]:
        """Open a connection for Arrow with the snapshot that another has exported."""
        # Imported here because only the extract and exports need them. Not ADBC's module `dbapi`:
        # it imports Polars, and takes 0.4 s of processor time where these two take 0.01 s.
        import adbc_driver_manager as adbc  # noqa: PLC0415
        import adbc_driver_postgresql  # noqa: PLC0415
        import pyarrow as pa  # noqa: PLC0415

        with (
            adbc_driver_postgresql.connect(conninfo) as database,
            adbc.AdbcConnection(database) as connection,
        ):
            connection.set_autocommit(False)
            for command in (
                "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
                f"SET TRANSACTION SNAPSHOT '{instant}'",
                *_terms(read_only=True),
            ):
                with adbc.AdbcStatement(connection) as statement:
                    statement.set_sql_query(command)
                    statement.execute_update()
            with adbc.AdbcStatement(connection) as statement:
                statement.set_sql_query("SELECT pg_backend_pid()")
                rows, _ = statement.execute_query()
                [pid] = pa.RecordBatchReader.from_stream(rows).read_all()[0].to_pylist()
            pids.append(pid)
            yield connection


def _terms(*, read_only: bool) -> list[str]:
    """The terms of a transaction."""
    # Nobody queues behind a reader. Those who only read need not try again, therefore.
    seconds = RETRY_SECONDS if read_only else LOCK_SECONDS
    return [
        f"SET LOCAL lock_timeout = {seconds * 1000:.0f}",
        # Rows that a policy hides would be missing from every count.
        "SET LOCAL row_security = off",
        # Names of types are compared as text.
        "SET LOCAL quote_all_identifiers = off",
    ]


class Snapshot:
    """Queries of one instant.

    Rows and Arrow come over a connection each, so that a thread may ask for rows while Arrow is on
    its way. The one for Arrow is opened when it is needed: it takes 0.03 s of processor time, and
    pyarrow as much.
    """

    def __init__(
        self,
        connection: psycopg.Connection,
        connect_arrow: Callable[[], adbc.AdbcConnection],
    ) -> None:
        """Use a connection inside its transaction, and others of the same instant."""
        self._connection = connection
        self._connect_arrow = connect_arrow

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Run a query whose result is small."""
        return self._connection.execute(query.encode()).fetchall()

    @contextlib.contextmanager
    def stream(self, query: str) -> Iterator[pa.RecordBatchReader]:
        """Run a query and read its rows batch by batch: 3 million in 0.8 s."""
        import adbc_driver_manager as adbc  # noqa: PLC0415 - as above
        import pyarrow as pa  # noqa: PLC0415 - as above

        # Pyarrow's own reader makes an OSError of whatever the server says.
        from adbc_driver_manager._reader import AdbcRecordBatchReader  # noqa: PLC0415

        raised: list[adbc.Error] = []

        def batches(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
            try:
                yield from reader
            except adbc.Error as error:
                raised.append(error)
                raise

        with adbc.AdbcStatement(self._arrow) as statement:
            statement.set_sql_query(query)
            rows, _ = statement.execute_query()
            reader = AdbcRecordBatchReader._import_from_c(rows.address)  # noqa: SLF001
            try:
                yield pa.RecordBatchReader.from_batches(reader.schema, batches(reader))
            except Exception:
                # Whoever reads, DuckDB for one, has made an error of its own of the server's.
                if raised:
                    raise raised[0] from None
                raise

    def table(self, query: str) -> pa.Table:
        """Run a query, and read all its rows."""
        with self.stream(query) as reader:
            return reader.read_all()

    @cached_property
    def _arrow(self) -> adbc.AdbcConnection:
        return self._connect_arrow()


def retried(function: Callable[P, R]) -> Callable[P, R]:
    """Try again while the fault may pass, with growing pauses, for `RETRY_SECONDS` at the most.

    For functions whose work is one transaction, so that a second try starts from nothing. What
    still fails then is raised as GaveUpError.
    """
    return retry(
        retry=retry_if_exception_type(TransientError),
        stop=_tried_enough,
        wait=wait_random_exponential(multiplier=0.2, max=5),
        before_sleep=_say_once,
        retry_error_callback=_give_up,
    )(function)


def _tried_enough(state: RetryCallState) -> bool:
    return (state.seconds_since_start or 0) >= RETRY_SECONDS


def _say_once(state: RetryCallState) -> None:
    if state.attempt_number == 1:
        logger.warning("%s Trying again for %.0f s ...", _fault(state), RETRY_SECONDS)


def _give_up(state: RetryCallState) -> NoReturn:
    fault = _fault(state)
    raise GaveUpError(f"{fault} Tried for {RETRY_SECONDS:.0f} s.") from fault


def _fault(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def copy_rows(
    cursor: psycopg.Cursor,
    table: sql.Composable,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
) -> None:
    """Append some rows to a table with COPY; many are faster with `copy_arrow` or `copy_csv`."""
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    with cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(table, names)) as copy:
        for row in rows:
            copy.write_row(row)


def copy_arrow(cursor: psycopg.Cursor, table: sql.Composable, reader: pa.RecordBatchReader) -> None:
    """Append rows to a table with COPY, batch by batch, by the names of their columns.

    Numbers, booleans and text only; Postgres makes what it needs of text.
    """
    import pyarrow as pa  # noqa: PLC0415 - takes 0.1 s, and most users publish nothing
    from pyarrow import csv  # noqa: PLC0415

    # Text is always quoted, which tells an empty one from NULL, as Postgres expects it.
    options = csv.WriteOptions(include_header=False, quoting_style="needed")

    def written(batch: pa.RecordBatch) -> memoryview:
        block = pa.BufferOutputStream()
        csv.write_csv(batch, block, options)
        return memoryview(block.getvalue())

    copy_csv(cursor, table, reader.schema.names, map(written, reader))


def copy_csv(
    cursor: psycopg.Cursor,
    table: sql.Composable,
    columns: Sequence[str],
    blocks: Iterable[bytes | memoryview],
) -> None:
    """Append rows to a table with COPY, given as blocks of whole lines of CSV, without a header.

    No Python object is made for a row, and a block is written while Postgres takes the one before.
    """
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    copied = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(table, names)
    remaining = iter(blocks)
    with cursor.copy(copied) as copy, ThreadPoolExecutor(max_workers=1) as ahead:
        coming = ahead.submit(next, remaining, None)
        while (block := coming.result()) is not None:
            coming = ahead.submit(next, remaining, None)
            copy.write(block)
