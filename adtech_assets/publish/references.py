"""Foreign keys of the published marts: BI tools find them and join facts and dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import sql

from adtech_assets.publish.marts import DIMENSIONS, SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterable

    import psycopg

_NOT_ENFORCED_SINCE = 180_000
"""Server version; an older one has only foreign keys that it enforces."""


def declare(cursor: psycopg.Cursor, published: Iterable[str]) -> None:
    """Say of published marts which dimensions their columns are keys of, as far as it is not said.

    The keys are not enforced. Each event's campaign has its row by the models, and a dimension that
    is held back must not keep facts from being published. A server before Postgres 18 has no such
    keys and gets none.
    """
    if not _knows_them(cursor):
        return
    cursor.execute(
        """
        SELECT fact.relname::text, fact_column.attname::text, dimension.relname::text
        FROM unnest(%(columns)s::text[], %(dimensions)s::text[]) AS known (column_name, dimension)
        JOIN pg_class AS dimension
            ON dimension.relnamespace = to_regnamespace(%(schema)s)
            AND dimension.relname = known.dimension
        JOIN pg_index ON indrelid = dimension.oid AND indisprimary AND indnatts = 1
        JOIN pg_attribute AS key
            ON key.attrelid = dimension.oid AND key.attnum = indkey[0]
            AND key.attname = known.column_name
        JOIN pg_attribute AS fact_column
            ON fact_column.attname = key.attname AND fact_column.atttypid = key.atttypid
        JOIN pg_class AS fact
            ON fact.oid = fact_column.attrelid AND fact.relnamespace = dimension.relnamespace
            AND fact.relkind = 'r' AND fact.oid <> dimension.oid
        WHERE fact.relname = ANY (%(published)s)
        AND pg_has_role(fact.relowner, 'USAGE') AND pg_has_role(dimension.relowner, 'USAGE')
        AND NOT EXISTS (
            SELECT FROM pg_constraint
            WHERE contype = 'f' AND conrelid = fact.oid AND confrelid = dimension.oid
            AND conkey = ARRAY[fact_column.attnum]
        )
        ORDER BY 1, 2
        """,
        {
            "columns": list(DIMENSIONS),
            "dimensions": list(DIMENSIONS.values()),
            "schema": SCHEMA,
            "published": list(published),
        },
    )
    for fact, column, dimension in cursor.fetchall():
        cursor.execute(
            sql.SQL("ALTER TABLE {} ADD FOREIGN KEY ({}) REFERENCES {} NOT ENFORCED").format(
                sql.Identifier(SCHEMA, fact),
                sql.Identifier(column),
                sql.Identifier(SCHEMA, dimension),
            )
        )


def forget(cursor: psycopg.Cursor, dimension: str) -> None:
    """Take away the keys that refer to a mart, which would not let it be made anew."""
    if not _knows_them(cursor):
        return
    cursor.execute(
        """
        SELECT relname::text, conname::text FROM pg_constraint
        JOIN pg_class ON pg_class.oid = conrelid
        WHERE contype = 'f' AND NOT conenforced AND relnamespace = to_regnamespace(%(schema)s)
        AND confrelid = to_regclass(%(dimension)s)
        """,
        {"schema": SCHEMA, "dimension": sql.Identifier(SCHEMA, dimension).as_string()},
    )
    for fact, name in cursor.fetchall():
        cursor.execute(
            sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(
                sql.Identifier(SCHEMA, fact), sql.Identifier(name)
            )
        )


def _knows_them(cursor: psycopg.Cursor) -> bool:
    return cursor.connection.info.server_version >= _NOT_ENFORCED_SINCE
