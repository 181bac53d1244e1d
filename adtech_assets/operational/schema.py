"""The four source tables: what the operational database holds, and how to create it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import (
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    func,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

if TYPE_CHECKING:
    import psycopg

CREATE_LOCK = 7_114_011_250
"""Key of the advisory lock of `create_schema`; any number that nobody else uses."""

metadata = MetaData()


def _created_at() -> Column[object]:
    """When the row was written: naive, UTC in the rows that this project generates."""
    return Column("created_at", DateTime, server_default=func.now())


advertiser = Table(
    "advertiser",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(255), nullable=False),
    Column("updated_at", DateTime),
    _created_at(),
)

# Operational data has orphans: campaigns of deleted advertisers, events of deleted campaigns. A
# foreign key would hide from the pipeline what it has to cope with, so there is none.
campaign = Table(
    "campaign",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(255), nullable=False),
    Column("bid", Numeric(10, 2), nullable=False),
    Column("budget", Numeric(10, 2), nullable=False),
    Column("start_date", Date),
    Column("end_date", Date),
    Column("advertiser_id", Integer),
    Column("updated_at", DateTime),
    _created_at(),
)

# The index serves the extract, which reads events by day.
impressions = Table(
    "impressions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("campaign_id", Integer),
    _created_at(),
    Index("ix_impressions_created_at", "created_at"),
)

clicks = Table(
    "clicks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("campaign_id", Integer),
    _created_at(),
    Index("ix_clicks_created_at", "created_at"),
)

SOURCE_TABLES = (advertiser, campaign, impressions, clicks)


def create_schema(connection: psycopg.Connection) -> None:
    """Create the tables and indexes that are missing, in the connection's transaction.

    Where nothing is missing, nothing but the catalog is touched: `CREATE INDEX IF NOT EXISTS`
    would wait for every writer of its table, and demand to own it, only to find the index there.
    """
    missing = {name: ddl for name, ddl in _statements().items() if not _exists(connection, name)}
    if not missing:
        return
    # IF NOT EXISTS alone does not help two who create at once: one fails on a catalog's key.
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [CREATE_LOCK])
    for statement in missing.values():
        connection.execute(statement)


def _statements() -> dict[str, bytes]:
    """The DDL by name of the table or index, tables before their indexes."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    statements = {}
    for table in SOURCE_TABLES:
        create = CreateTable(table, if_not_exists=True).compile(dialect=dialect)
        statements[table.name] = str(create).encode()
        for index in table.indexes:
            create = CreateIndex(index, if_not_exists=True).compile(dialect=dialect)
            statements[str(index.name)] = str(create).encode()
    return statements


def _exists(connection: psycopg.Connection, name: str) -> bool:
    [(oid,)] = connection.execute("SELECT to_regclass(%s)", [name]).fetchall()
    return oid is not None
