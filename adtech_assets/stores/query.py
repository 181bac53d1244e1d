"""Read-only questions to the stores."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

import duckdb
import psycopg

from adtech_assets.errors import UserError
from adtech_assets.stores import embedded_postgres
from adtech_assets.stores.faults import one_line
from adtech_assets.stores.postgres import Postgres, Role
from adtech_assets.stores.warehouse import Warehouse

if TYPE_CHECKING:
    from adtech_assets.settings import Settings

StoreName = Literal["source", "target", "warehouse"]

_ONE_SELECT = "Give one SELECT statement."
_EXPLAIN = re.compile(r"\s*EXPLAIN\s+(?:ANALYZE\s+)?", re.IGNORECASE)

# Neither files outside the warehouse can be read or written, nor, by its path, the warehouse
# itself, which DuckDB would allow. So nothing is swapped to disk either.
_NO_FILES = """
SET temp_directory = '';
SET enable_external_access = false;
SET disabled_filesystems = 'LocalFileSystem';
SET lock_configuration = true
"""

# A superuser may do anything in a SELECT: read files, end sessions, keep WAL for ever. It is no
# wall, as a query can take the role back; that is one only in the embedded databases.
_NO_SUPERUSER = """
SELECT set_config('role', 'pg_read_all_data', true)
WHERE current_setting('is_superuser') = 'on' AND to_regrole('pg_read_all_data') IS NOT NULL
"""

# A query whose asker has been stopped ends, too.
_WHILE_ASKED = """
SELECT set_config(name, '1s', true) FROM pg_settings
WHERE name = 'client_connection_check_interval'
"""

_NO_TABLE = "Table with name"
_TABLES = """
SELECT CASE WHEN table_schema IN ('public', 'main') THEN '' ELSE table_schema || '.' END
    || table_name
FROM information_schema.tables
WHERE table_schema NOT IN ('pg_catalog', 'information_schema')
ORDER BY 1
"""

Rows = tuple[list[str], list[tuple[object, ...]]]
"""Column names, and rows."""


def read_only_query(settings: Settings, store: StoreName, query: str) -> Rows:
    """Run one SELECT, which can neither change anything nor read or write files.

    The embedded databases are asked by a login that may only read. On another server the URL's
    login counts, in a read-only transaction.

    Raises:
        TransientError: the store is in use or unreachable.
        UserError: the statement is wrong, is more than one, or is no SELECT.
    """
    if store == "warehouse":
        return _ask_warehouse(settings, query)
    return _ask_postgres(_as_reader(settings, store), query)


def _ask_warehouse(settings: Settings, query: str) -> Rows:
    with Warehouse.of(settings).connect(read_only=True) as connection:
        connection.execute(_NO_FILES)
        try:
            # EXPLAIN ANALYZE does what it explains.
            explained = _EXPLAIN.match(query)
            asked = connection.extract_statements(query[explained.end() :] if explained else query)
            if [statement.type for statement in asked] != [duckdb.StatementType.SELECT]:
                raise UserError(_ONE_SELECT)
            result = connection.execute(query)
            return [name for name, *_ in result.description or []], result.fetchall()
        except duckdb.CatalogException as error:
            there = connection.execute(_TABLES).fetchall() if _NO_TABLE in str(error) else []
            raise UserError(one_line(error) + _told(there)) from error
        except duckdb.Error as error:
            raise UserError(one_line(error)) from error


def _told(tables: list[tuple[str]]) -> str:
    return f" There are: {', '.join(name for (name,) in tables)}." if tables else ""


def _as_reader(settings: Settings, store: Role) -> Postgres:
    postgres = Postgres.of(settings, store)
    configured = {"source": settings.source_database_url, "target": settings.target_database_url}
    if configured[store] is not None:
        return postgres
    return Postgres(lambda: embedded_postgres.as_reader(postgres.url()), postgres.shown_as)


def _ask_postgres(postgres: Postgres, query: str) -> Rows:
    with postgres.connect(read_only=True) as connection:
        connection.execute(_NO_SUPERUSER)
        connection.execute(_WHILE_ASKED)
        # A cursor takes nothing but a SELECT. A read-only transaction is not enough: it allows
        # COPY to a file or a program. Prepared, because the server then refuses a second
        # statement, which could leave the transaction.
        try:
            connection.execute(f"DECLARE asked CURSOR FOR {query}".encode(), prepare=True)
            cursor = connection.execute("FETCH ALL FROM asked")
            return [column.name for column in cursor.description or []], cursor.fetchall()
        except (psycopg.errors.SyntaxError, psycopg.errors.FeatureNotSupported) as error:
            raise UserError(f"{error.diag.message_primary}. {_ONE_SELECT}") from error
        except psycopg.errors.UndefinedTable as error:
            connection.rollback()
            there = connection.execute(_TABLES).fetchall()
            raise UserError(f"{error.diag.message_primary}.{_told(there)}") from error
        except (psycopg.ProgrammingError, psycopg.DataError, psycopg.InternalError) as error:
            raise UserError(str(error.diag.message_primary or error)) from error
