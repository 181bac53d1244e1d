"""The role of those who read: BI tools and people, who may read the marts and nothing else."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from adtech_assets.publish.marts import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adtech_assets.publish.marts import Mart

logger = logging.getLogger(__name__)


def let_read(cursor: psycopg.Cursor, marts: Iterable[Mart], role: str) -> None:
    """Let a role read these marts, inside the caller's transaction.

    It is made if it is not there and the user may make roles. A user who may not, or who does not
    own a table, publishes all the same; who may read is then for an administrator to say.
    """
    if not _has_role(cursor, role):
        logger.warning(
            "There is no role %s, and this user may not make one: readers of %s get their rights "
            "once an administrator has said CREATE ROLE %s.",
            *(role, SCHEMA, role),
        )
        return
    # Asked before it is granted: a grant writes to the catalogue, and a user who may not give it
    # would fail even where it is there.
    cursor.execute(
        """
        SELECT 'CONNECT', 'DATABASE', ARRAY[datname::text] FROM pg_database
        WHERE datname = current_database() AND pg_has_role(datdba, 'USAGE')
        AND NOT has_database_privilege(%(role)s, oid, 'CONNECT')
        UNION ALL
        SELECT 'USAGE', 'SCHEMA', ARRAY[nspname::text] FROM pg_namespace
        WHERE nspname = %(schema)s AND pg_has_role(nspowner, 'USAGE')
        AND NOT has_schema_privilege(%(role)s, oid, 'USAGE')
        UNION ALL
        SELECT 'SELECT', 'TABLE', ARRAY[%(schema)s, relname::text] FROM pg_class
        WHERE relnamespace = to_regnamespace(%(schema)s) AND relname = ANY (%(marts)s)
        AND pg_has_role(relowner, 'USAGE') AND NOT has_table_privilege(%(role)s, oid, 'SELECT')
        """,
        {"role": role, "schema": SCHEMA, "marts": [mart.name for mart in marts]},
    )
    for privilege, kind, name in cursor.fetchall():
        cursor.execute(
            sql.SQL("GRANT {} ON {} {} TO {}").format(
                sql.SQL(privilege), sql.SQL(kind), sql.Identifier(*name), sql.Identifier(role)
            )
        )


def _has_role(cursor: psycopg.Cursor, role: str) -> bool:
    cursor.execute("SELECT to_regrole(%s) IS NOT NULL", [role])
    if cursor.fetchone() == (True,):
        return True
    try:
        # Not a question of privileges alone: whoever publishes to another database of the server
        # may be making it at this moment.
        with cursor.connection.transaction():
            cursor.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
    except psycopg.errors.InsufficientPrivilege:
        return False
    except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
        return True
    return True
