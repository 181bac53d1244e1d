"""The tables that the dbt models read, as far as nobody has loaded them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adtech_assets.logs import rollup, user_agents
from adtech_assets.logs.ledger import Ledger
from adtech_assets.operational.snapshot import create_tables

if TYPE_CHECKING:
    import duckdb


def create_sources(connection: duckdb.DuckDBPyConnection) -> None:
    """Make those that are not there: empty ones."""
    Ledger.create(connection)
    connection.execute(rollup.SCHEMA)
    connection.execute(user_agents.SCHEMA)
    create_tables(connection)
