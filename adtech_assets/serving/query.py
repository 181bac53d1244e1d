"""Read-only questions to the stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import duckdb
import psycopg

from adtech_assets.errors import UserError
from adtech_assets.stores.faults import one_line
from adtech_assets.stores.postgres import Postgres
from adtech_assets.stores.warehouse import Warehouse

if TYPE_CHECKING:
    from adtech_assets.settings import Settings

StoreName = Literal["source", "target", "warehouse"]

_ONE_SELECT = "Give one SELECT statement."
_ASKING = ([duckdb.StatementType.SELECT], [duckdb.StatementType.EXPLAIN])

Rows = tuple[list[str], list[tuple[object, ...]]]
"""Column names, and rows."""


def read_only_query(settings: Settings, store: StoreName, query: str) -> Rows:
    """Run one SELECT, which can neither change anything nor read or write files.

    Raises:
        TransientError: the store is in use or unreachable.
        UserError: the statement is wrong, is more than one, or is no SELECT.
    """
    if store == "warehouse":
        return _ask_warehouse(settings, query)
    return _ask_postgres(Postgres.of(settings, store), query)


def _ask_warehouse(settings: Settings, query: str) -> Rows:
    with Warehouse.of(settings).connect(read_only=True) as connection:
        # Not even files outside the warehouse can be read or written.
        connection.execute("SET enable_external_access = false; SET lock_configuration = true")
        try:
            statements = connection.extract_statements(query)
            if [statement.type for statement in statements] not in _ASKING:
                raise UserError(_ONE_SELECT)
            result = connection.execute(statements[0])
            return [name for name, *_ in result.description or []], result.fetchall()
        except duckdb.Error as error:
            raise UserError(one_line(error)) from error


def _ask_postgres(postgres: Postgres, query: str) -> Rows:
    with postgres.connect(read_only=True) as connection:
        # A cursor takes nothing but a SELECT. A read-only transaction is not enough: it allows
        # COPY to a file or a program. Prepared, because the server then refuses a second
        # statement, which could leave the transaction.
        try:
            connection.execute(f"DECLARE asked CURSOR FOR {query}".encode(), prepare=True)
            cursor = connection.execute("FETCH ALL FROM asked")
            return [column.name for column in cursor.description or []], cursor.fetchall()
        except (psycopg.errors.SyntaxError, psycopg.errors.FeatureNotSupported) as error:
            raise UserError(f"{error.diag.message_primary}. {_ONE_SELECT}") from error
        except (psycopg.ProgrammingError, psycopg.DataError, psycopg.InternalError) as error:
            raise UserError(str(error.diag.message_primary or error)) from error
