"""Which warehouse a file is, and in which form warehouse and target are.

A target belongs to one warehouse, whose id both carry (`stores/ownership.py` compares them). The
data folder keeps the id beside the file, so that a warehouse that was lost comes back as the same.
"""

from __future__ import annotations

import socket
import uuid
from dataclasses import dataclass
from pathlib import Path

import duckdb

from adtech_assets import files
from adtech_assets.errors import UserError

ID_FILE = "warehouse.id"
"""Beside the warehouse: its id, for when it is lost."""

WAREHOUSE_MIGRATIONS = (
    # 1: columns that a ledger without a version may lack.
    """
    ALTER TABLE IF EXISTS raw.log_files ADD COLUMN IF NOT EXISTS schema_fingerprint VARCHAR;
    ALTER TABLE IF EXISTS raw.log_files ADD COLUMN IF NOT EXISTS deleted_at TIMESTAMP;
    """,
    # 2: which columns of the feed were read of a file.
    "ALTER TABLE IF EXISTS raw.log_files ADD COLUMN IF NOT EXISTS feed_columns VARCHAR[];",
    # 3: which object of a bucket was read.
    """
    ALTER TABLE IF EXISTS raw.log_files ADD COLUMN IF NOT EXISTS object_key VARCHAR;
    ALTER TABLE IF EXISTS raw.log_files ADD COLUMN IF NOT EXISTS object_etag VARCHAR;
    ALTER TABLE IF EXISTS raw.log_files ADD COLUMN IF NOT EXISTS object_version VARCHAR;
    """,
    # 4: whether the events of a file are in the warehouse.
    "ALTER TABLE IF EXISTS raw.log_files ADD COLUMN IF NOT EXISTS events_kept BOOLEAN;",
)
"""What makes a warehouse of version n one of version n + 1, by n. Tables are made by whoever uses
them, so this is about those that are there."""

TARGET_MIGRATIONS = (
    # 1: hashes of published days; everything is published once more.
    """
    DO $$ BEGIN
        IF NOT EXISTS (
            SELECT FROM pg_attribute
            WHERE attrelid = to_regclass('public.published_days') AND attname = 'row_hash'
        ) THEN DROP TABLE IF EXISTS public.published_days;
        END IF;
    END $$;
    """,
)
"""The same for the target."""


def warehouse_version(connection: duckdb.DuckDBPyConnection) -> int:
    """The schema version of a warehouse; 0: of before there were any."""
    try:
        [(version,)] = connection.execute("SELECT schema_version FROM state.warehouse").fetchall()
    except duckdb.CatalogException:
        return 0
    return int(version)


@dataclass(frozen=True)
class Identity:
    """Which warehouse this is."""

    id: str
    at: str
    """Its file and host, for people."""


def of(connection: duckdb.DuckDBPyConnection) -> Identity:
    """Which warehouse a connection is to."""
    [(found, path)] = connection.execute(
        "SELECT id, path FROM state.warehouse, duckdb_databases() "
        "WHERE database_name = current_database()"
    ).fetchall()
    return Identity(found, f"{path} on {socket.gethostname()}")


def place(at: str) -> tuple[Path, str]:
    """The file and the host of where a warehouse is said to be."""
    path, _, host = at.rpartition(" on ")
    return Path(path), host


def kept_id(path: Path) -> str | None:
    """The id that is kept beside a warehouse."""
    try:
        return path.with_name(ID_FILE).read_text().strip()
    except OSError:
        return None


def migrate_warehouse(connection: duckdb.DuckDBPyConnection, version: int, id_file: Path) -> None:
    """Bring a warehouse of an older version to this one, in the caller's transaction.

    One without a version gets the id of the data folder, or a new one.
    """
    if version == 0:
        connection.execute(
            "CREATE SCHEMA IF NOT EXISTS state;"
            "CREATE TABLE state.warehouse (id VARCHAR NOT NULL, schema_version INTEGER NOT NULL)"
        )
        found = id_file.read_text().strip() if id_file.exists() else str(uuid.uuid4())
        connection.execute("INSERT INTO state.warehouse VALUES (?, 0)", [found])
    for migration in WAREHOUSE_MIGRATIONS[version:]:
        connection.execute(migration)
    connection.execute("UPDATE state.warehouse SET schema_version = ?", [len(WAREHOUSE_MIGRATIONS)])


def keep_id(connection: duckdb.DuckDBPyConnection, id_file: Path) -> None:
    """Write the id beside the warehouse, if it is not there."""
    if not id_file.exists():
        with files.written_whole(id_file) as partial:
            partial.write_text(f"{of(connection).id}\n")


def refuse_newer(store: str, version: int, known: int) -> None:
    """Leave a store alone that newer code has written.

    Raises:
        UserError: it is of a later version than is known.
    """
    if version > known:
        raise UserError(
            f"{store} has schema version {version}, written by a newer adtech-assets; this one "
            f"knows {known}. Nothing was changed: use the newer one."
        )
