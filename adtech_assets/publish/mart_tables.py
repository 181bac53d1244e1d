"""The tables of published marts: types, key, indexes, descriptions, and who may read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from adtech_assets.errors import UserError
from adtech_assets.publish import references
from adtech_assets.publish.marts import DIMENSIONS, SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adtech_assets.publish.marts import Mart

_POSTGRES_TYPES = {
    "DATE": "date",
    "TINYINT": "smallint",
    "SMALLINT": "smallint",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "HUGEINT": "numeric(39,0)",
    "FLOAT": "real",
    "DOUBLE": "double precision",
    "VARCHAR": "text",
    "BOOLEAN": "boolean",
    "TIMESTAMP": "timestamp without time zone",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    "UUID": "uuid",
}
_INDEXED = (*DIMENSIONS, "hour_at")


class MartTable:
    """The table of a mart in Postgres, inside the caller's transaction."""

    def __init__(self, cursor: psycopg.Cursor, mart: Mart, columns: Mapping[str, str]) -> None:
        """Take the mart's columns with their types in DuckDB.

        Raises:
            UserError: a type is not published.
        """
        self._cursor = cursor
        self.mart = mart
        self.columns = {name: _postgres_type(mart, name, type_) for name, type_ in columns.items()}
        self.name = sql.Identifier(SCHEMA, mart.name)
        self._regclass = self.name.as_string()

    def is_as_the_mart(self) -> bool:
        """Whether names, types and order of the columns, and the key, are the mart's."""
        return self._published_columns() == list(self.columns.items()) and (
            self._published_key() == self.mart.key
        )

    def make_anew(self) -> None:
        """Make the table, empty and without its key, with the grants of the one before.

        Raises:
            UserError: somebody's view depends on the one before.
        """
        grants = self._grants()
        references.forget(self._cursor, self.mart.name)
        try:
            self._cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(self.name))
        except psycopg.errors.DependentObjectsStillExist as error:
            raise UserError(
                f"{self.mart.table} has new columns, but others depend on its old ones: "
                f"{' '.join((error.diag.message_detail or '').split())}. Nothing was published. "
                "Drop them, publish again, and create them anew."
            ) from error
        definitions = sql.SQL(", ").join(
            sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(type_))
            for name, type_ in self.columns.items()
        )
        self._cursor.execute(sql.SQL("CREATE TABLE {} ({})").format(self.name, definitions))
        for grant in grants:
            self._cursor.execute(grant)

    def add_key(self) -> None:
        """Make the mart's key the primary key: an index built at once takes half the time."""
        key = sql.SQL(", ").join(map(sql.Identifier, self.mart.key))
        self._cursor.execute(sql.SQL("ALTER TABLE {} ADD PRIMARY KEY ({})").format(self.name, key))

    def add_indexes(self) -> None:
        """Index days, hours and keys of dimensions that no index begins with yet.

        The key's index serves its first column; by the others people filter and join.
        """
        self._cursor.execute(
            """
            SELECT attname::text FROM pg_index
            JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
            WHERE indrelid = to_regclass(%s) AND indpred IS NULL
            """,
            [self._regclass],
        )
        indexed = {name for (name,) in self._cursor}
        for column in self.columns:
            if column in _INDEXED and column not in indexed:
                self._cursor.execute(
                    sql.SQL("CREATE INDEX ON {} ({})").format(self.name, sql.Identifier(column))
                )

    def describe(self) -> None:
        """Write the descriptions that the table does not have yet."""
        self._cursor.execute(
            "SELECT objsubid, description FROM pg_description "
            "WHERE classoid = 'pg_class'::regclass AND objoid = to_regclass(%s)",
            [self._regclass],
        )
        written: dict[int, str] = dict(self._cursor.fetchall())
        if written.get(0, "") != self.mart.description:
            self._cursor.execute(
                sql.SQL("COMMENT ON TABLE {} IS {}").format(self.name, self.mart.description)
            )
        for number, name in enumerate(self.columns, start=1):
            description = self.mart.column_descriptions.get(name)
            if description is not None and written.get(number, "") != description:
                column = sql.Identifier(SCHEMA, self.mart.name, name)
                self._cursor.execute(
                    sql.SQL("COMMENT ON COLUMN {} IS {}").format(column, description)
                )

    def _published_columns(self) -> list[tuple[str, str]]:
        self._cursor.execute(
            """
            SELECT attname::text, format_type(atttypid, atttypmod)
            FROM pg_attribute
            WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped
            ORDER BY attnum
            """,
            [self._regclass],
        )
        return self._cursor.fetchall()

    def _published_key(self) -> tuple[str, ...]:
        self._cursor.execute(
            """
            SELECT attname::text
            FROM pg_index
            JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)
            WHERE indrelid = to_regclass(%s) AND indisprimary
            ORDER BY array_position(indkey::int2[], attnum)
            """,
            [self._regclass],
        )
        return tuple(name for (name,) in self._cursor)

    def _grants(self) -> list[bytes]:
        """The statements that give others what they may do with the table now."""
        self._cursor.execute(
            """
            SELECT format(
                'GRANT %%s ON %%s TO %%s%%s',
                privilege_type,
                oid::regclass,
                CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
                CASE WHEN is_grantable THEN ' WITH GRANT OPTION' END
            )
            FROM pg_class, aclexplode(relacl)
            WHERE oid = to_regclass(%s) AND grantee <> relowner
            """,
            [self._regclass],
        )
        return [statement.encode() for (statement,) in self._cursor]


def _postgres_type(mart: Mart, column: str, duckdb_type: str) -> str:
    if duckdb_type.startswith("DECIMAL"):
        return duckdb_type.lower().replace("decimal", "numeric").replace(", ", ",")
    if duckdb_type not in _POSTGRES_TYPES:
        raise UserError(
            f"{mart.table}.{column} is of type {duckdb_type}, which is not published. "
            f"Cast it in the model to one of {', '.join(_POSTGRES_TYPES)} or DECIMAL."
        )
    return _POSTGRES_TYPES[duckdb_type]
