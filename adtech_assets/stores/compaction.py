"""Gives the disk back what was deleted from the warehouse: DuckDB reuses room, and keeps its file.

Everything is copied to a file of its own, which then takes the place of the warehouse at once. A
kill leaves the one or the other. What was deleted is in the blocks of the old file until then.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from adtech_assets import files
from adtech_assets.errors import UserError
from adtech_assets.stores.warehouse import first_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from adtech_assets.stores.warehouse import Warehouse

WORTH_BYTES = 64 * 2**20
WORTH_SHARE = 0.25
"""Of the file that must be free, both, before it is worth to write all that is not: a warehouse
that grows takes free blocks first."""


@dataclass(frozen=True)
class Compacted:
    """Bytes of the warehouse file."""

    before: int
    after: int

    def __str__(self) -> str:
        """In megabytes."""
        return f"{self.before / 1e6:,.1f} MB before, {self.after / 1e6:,.1f} MB now"


def compact(warehouse: Warehouse, *, if_worth: bool = False) -> Compacted | None:
    """Write the warehouse anew, without what was deleted from it.

    Args:
        warehouse: nobody else uses it meanwhile.
        if_worth: leave it if little of it is free.

    Returns:
        None if there is none, or it was left as it is.

    Raises:
        TransientError: somebody else kept the warehouse for too long.
        UserError: there is no room for a second one beside it; nothing has changed.
    """
    with warehouse.reserved():
        if not warehouse.path.exists():
            return None
        with warehouse.connect() as connection:
            connection.execute("CHECKPOINT")  # the file is all there is
            if if_worth and not _is_worth(connection):
                return None
        before = warehouse.path.stat().st_size
        log = files.partial_of(warehouse.path).with_name(
            f"{files.partial_of(warehouse.path).name}.wal"
        )
        try:
            # Attached until the new file is there, so that nobody writes to the old one.
            with (
                _attached(warehouse.path) as connection,
                files.written_whole(warehouse.path) as partial,
            ):
                for left in (partial, log):  # by one that was killed
                    left.unlink(missing_ok=True)
                _copy(connection, warehouse.path.stem, partial)
        except (duckdb.Error, OSError) as error:
            raise UserError(
                f"The warehouse {warehouse.path} cannot be written anew beside itself "
                f"({first_line(error)}). It stays as it is."
            ) from error
        finally:
            log.unlink(missing_ok=True)
        return Compacted(before, warehouse.path.stat().st_size)


def _is_worth(connection: duckdb.DuckDBPyConnection) -> bool:
    [(size, free, total)] = connection.execute(
        "SELECT block_size, free_blocks, total_blocks FROM pragma_database_size() "
        "WHERE database_name = current_database()"
    ).fetchall()
    return bool(free * size >= WORTH_BYTES and free >= WORTH_SHARE * total)


@contextlib.contextmanager
def _attached(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse, to be read, under the name that its views call it by."""
    with contextlib.closing(duckdb.connect()) as connection:
        connection.execute(f"SET temp_directory = '{path}.tmp'; SET TimeZone = 'UTC'")
        connection.execute(f"ATTACH '{path}' AS {path.stem} (READ_ONLY)")
        yield connection


def _copy(connection: duckdb.DuckDBPyConnection, name: str, target: Path) -> None:
    connection.execute(f"ATTACH '{target}' AS compacted")
    connection.execute(f"COPY FROM DATABASE {name} TO compacted")
    connection.execute("CHECKPOINT compacted")
    connection.execute("DETACH compacted")
