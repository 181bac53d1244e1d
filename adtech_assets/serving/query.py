"""Read-only questions to the stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import duckdb
import psycopg

from adtech_assets.errors import UserError
from adtech_assets.stores.postgres import Postgres
from adtech_assets.stores.warehouse import Warehouse

if TYPE_CHECKING:
    from adtech_assets.settings import Settings

StoreName = Literal["source", "target", "warehouse"]

Rows = tuple[list[str], list[tuple[object, ...]]]
"""Column names, and rows."""


def read_only_query(settings: Settings, store: StoreName, query: str) -> Rows:
    """Run one statement that cannot change anything.

    Raises:
        UserError: the statement is wrong, is more than one, or would change something.
    """
    try:
        if store == "warehouse":
            return _ask_warehouse(settings, query)
        return _ask_postgres(Postgres.of(settings, store), query)
    except (duckdb.Error, psycopg.Error) as error:
        raise UserError(" ".join(str(error).split())) from error


def _ask_warehouse(settings: Settings, query: str) -> Rows:
    with Warehouse.of(settings).connect(read_only=True) as connection:
        # Not even files outside the warehouse can be read or written.
        connection.execute("SET enable_external_access = false; SET lock_configuration = true")
        result = connection.execute(query)
        return [name for name, *_ in result.description or []], result.fetchall()


def _ask_postgres(postgres: Postgres, query: str) -> Rows:
    with postgres.connect(read_only=True) as connection:
        # Prepared, because the server then refuses more than one statement at once: a second
        # one could leave the read-only transaction.
        cursor = connection.execute(query.encode(), prepare=True)
        if cursor.description is None:
            return [], []
        return [column.name for column in cursor.description], cursor.fetchall()
