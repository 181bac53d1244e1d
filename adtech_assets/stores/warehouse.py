"""The DuckDB warehouse: who may use it when, and connections that always close.

DuckDB lets one process in, and another process's writer blocks even readers, with an error at
once. So everyone first takes a file lock, which the kernel frees with its holder: a run killed
with -9 never blocks the next one.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import shutil
import time
from typing import TYPE_CHECKING

import duckdb
from filelock import FileLock, Timeout

from adtech_assets import files
from adtech_assets.errors import TransientError, UserError
from adtech_assets.stores import identity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from adtech_assets.settings import Settings

logger = logging.getLogger(__name__)

WAIT_SECONDS = 3600.0
"""Longest wait for the warehouse. A year's backfill holds it for minutes at a time."""

SAY_AFTER_SECONDS = 1.0
POLL_SECONDS = 0.05

CACHE_BYTES = 64 * 2**20
"""Of blocks that may stay in memory between two large pieces of work; a piece may take more."""

DAMAGE_WORDS = (
    "not a valid DuckDB database file",
    "Corrupt database file",
    "Could not read enough bytes",
    "database file with version number",
)
"""Of a file that is damaged, or written by a newer DuckDB than this one."""

NO_ROOM_WORDS = tuple(map(os.strerror, (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)))
"""What DuckDB passes on of the system, in its language; it tells no number."""


class Warehouse:
    """The warehouse file and its lock, shared by every user in this process."""

    def __init__(self, path: Path, wait_seconds: float = WAIT_SECONDS) -> None:
        """Name the file; nothing is opened or made yet."""
        self.path = path
        self.wait_seconds = wait_seconds
        # One lock object a path in each process: a step that holds the lock may take it again.
        self._lock = FileLock(f"{path}.lock", is_singleton=True, thread_local=False)

    @classmethod
    def of(cls, settings: Settings) -> Warehouse:
        """The warehouse of these settings."""
        return cls(settings.warehouse_path)

    @contextlib.contextmanager
    def reserved(self) -> Iterator[None]:
        """Keep every other process out, without a connection: for dbt, which opens its own.

        Raises:
            TransientError: somebody else kept the warehouse for longer than `wait_seconds`.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + self.wait_seconds
        try:
            try:
                self._lock.acquire(timeout=min(SAY_AFTER_SECONDS, self.wait_seconds))
            except Timeout:
                logger.info("Another run is using the warehouse; waiting for it to finish ...")
                self._lock.acquire(
                    timeout=max(0, deadline - time.monotonic()), poll_interval=POLL_SECONDS
                )
        except Timeout:
            raise TransientError(
                f"The warehouse {self.path} was in use for {self.wait_seconds:.0f} s. "
                "See which run holds it (adtech dev, tab Runs), then try again."
            ) from None
        try:
            yield
        finally:
            self._lock.release()

    @contextlib.contextmanager
    def connect(self, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the warehouse once it is free, and close it whatever happens.

        Raises:
            TransientError: somebody else kept the warehouse for longer than `wait_seconds`.
            UserError: the file is no warehouse, or read-only access to one that does not exist, or
                there is no room left on the disk.
        """
        if read_only and not self.path.exists():
            raise UserError("There is no warehouse yet. Fill it first: adtech backfill --help")
        with (
            self.reserved(),
            self._faults_told(),
            contextlib.closing(self._open(read_only=read_only)) as connection,
        ):
            yield connection

    @contextlib.contextmanager
    def as_it_is(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open a warehouse that is there, of whatever version, and leave it of that one.

        Raises:
            TransientError: somebody else kept the warehouse for longer than `wait_seconds`.
            UserError: the file is no warehouse.
        """
        with (
            self.reserved(),
            self._faults_told(),
            contextlib.closing(self._connected(read_only=False)) as connection,
        ):
            yield connection

    @contextlib.contextmanager
    def _faults_told(self) -> Iterator[None]:
        """Say what to do about a damaged file or a full disk, whichever query finds out."""
        try:
            yield
        except duckdb.Error as error:
            if _is_without_room(error):
                raise UserError(
                    f"There is no room for the warehouse {self.path} ({first_line(error)}). "
                    "Nothing is lost: make room, then run the days again."
                ) from error
            if any(words in str(error) for words in DAMAGE_WORDS):
                raise UserError(
                    f"The warehouse {self.path} is damaged or no DuckDB file "
                    f"({first_line(error)}). Move it away and run `adtech backfill` over your "
                    "days: it is rebuilt from the archive and the source."
                ) from error
            raise

    def _open(self, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        if not self.path.exists():
            self._make()
        connection = self._connected(read_only=read_only)
        try:
            if not read_only and self._lock.lock_counter == 1:
                # Nobody else has the file open now, so what was swapped to disk is a killed
                # process's. DuckDB removes it only when it has to swap itself.
                shutil.rmtree(f"{self.path}.tmp", ignore_errors=True)
            connection.execute("SET TimeZone = 'UTC'")
            if self._is_of_this_version(connection, read_only=read_only):
                return connection
        except BaseException:
            connection.close()
            raise
        connection.close()
        self._open(read_only=False).close()
        return self._open(read_only=True)

    def _connected(self, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        """Open the file as soon as no other process has it open."""
        deadline = time.monotonic() + self.wait_seconds
        said = False
        while True:
            try:
                return duckdb.connect(self.path, read_only=read_only)
            except duckdb.IOException as error:
                if _is_without_room(error) or any(words in str(error) for words in DAMAGE_WORDS):
                    raise
                if "Could not set lock" not in str(error):
                    raise UserError(
                        f"The warehouse {self.path} cannot be opened: {first_line(error)}"
                    ) from error
                if time.monotonic() > deadline:
                    raise TransientError(
                        f"Another process has had {self.path} open for "
                        f"{self.wait_seconds:.0f} s: {first_line(error)}"
                    ) from error
                if not said:
                    logger.info("Another process has the warehouse open; waiting for it ...")
                    said = True
                time.sleep(POLL_SECONDS)

    def _is_of_this_version(
        self, connection: duckdb.DuckDBPyConnection, *, read_only: bool
    ) -> bool:
        """Whether the warehouse is as this code knows it; an older one is, once it was opened.

        Raises:
            UserError: newer code has written it.
        """
        version, known = identity.warehouse_version(connection), len(identity.WAREHOUSE_MIGRATIONS)
        identity.refuse_newer(f"The warehouse {self.path}", version, known)
        if read_only:
            return version == known
        if version < known:
            with transaction(connection):
                identity.migrate_warehouse(connection, version, self._id_file)
        identity.keep_id(connection, self._id_file)
        return True

    @property
    def _id_file(self) -> Path:
        return self.path.with_suffix(".id")

    def _make(self) -> None:
        """Make an empty warehouse; on a full disk DuckDB would leave one that looks damaged."""
        # Of a warehouse that was moved away without it; it would not fit.
        self.path.with_name(f"{self.path.name}.wal").unlink(missing_ok=True)
        with files.written_whole(self.path) as partial:
            partial.unlink(missing_ok=True)
            with contextlib.closing(duckdb.connect(partial)) as connection:
                identity.migrate_warehouse(connection, 0, self._id_file)


def _is_without_room(error: duckdb.Error) -> bool:
    """Whether the disk is full, or the folder of what does not fit into memory."""
    return isinstance(error, duckdb.OutOfMemoryException) or any(
        words in str(error) for words in NO_ROOM_WORDS
    )


@contextlib.contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """All or nothing: commit at the end, roll back on any exception."""
    connection.begin()
    try:
        yield connection
    except BaseException:
        with contextlib.suppress(duckdb.Error):  # the error that led here says more
            connection.rollback()
        raise
    connection.commit()


def bound_cache(connection: duckdb.DuckDBPyConnection) -> None:
    """Give back the memory of blocks that were read or written, if it is more than CACHE_BYTES.

    For between large pieces of work: DuckDB keeps blocks until it reaches its limit, by default
    80 % of the machine, and only a lower limit makes it let go of them. It takes 15 ms.
    """
    # A cursor, because a statement that fails would end the caller's transaction.
    with contextlib.closing(connection.cursor()) as cursor:
        ((used, told),) = cursor.execute(
            "SELECT sum(memory_usage_bytes), current_setting('memory_limit') FROM duckdb_memory()"
        ).fetchall()
        if used <= CACHE_BYTES:
            return
        # The limit is told with one decimal, cut off; with half of it more it is told the same.
        number, unit = told.split()
        with contextlib.suppress(duckdb.Error):  # more is in use: the limit stays what it was
            cursor.execute(
                f"SET memory_limit = '{CACHE_BYTES}B'; SET memory_limit = '{number}5 {unit}'"
            )


def first_line(error: BaseException) -> str:
    """The part of an error that fits a line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
