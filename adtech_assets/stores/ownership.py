"""Whose a target is: it belongs to one warehouse, and no other writes to it by mistake.

`public.target_owner` has one row: the warehouse's id, where that is, and the schema version of the
target. Every transaction that writes to the target begins here.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from adtech_assets.errors import UserError
from adtech_assets.stores import identity

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

    from adtech_assets.stores.identity import Identity
    from adtech_assets.stores.postgres import Postgres

TAKE_OVER = "adtech take-over"

# Writers take turns: tables may still have to be made, and two runs of one day must give the result
# of one. Any number will do that nobody else uses.
_LOCK = 742_011

_TABLE = """
CREATE TABLE public.target_owner (
    warehouse_id TEXT PRIMARY KEY,
    warehouse_at TEXT NOT NULL,
    owned_since TIMESTAMP NOT NULL,
    schema_version INTEGER NOT NULL
)
"""


@dataclass(frozen=True)
class Owner:
    """The warehouse that a target belongs to."""

    warehouse_id: str
    at: str
    """Its file and host, when it last said so."""
    since: datetime
    """Naive UTC."""
    schema_version: int
    """Of the target."""

    def __str__(self) -> str:
        """As it is told."""
        return f"the warehouse {self.at}, since {self.since:%Y-%m-%d %H:%M} UTC"


@contextlib.contextmanager
def writing(target: Postgres, warehouse: Identity) -> Iterator[psycopg.Connection]:
    """Open a transaction that writes to the target; there is one at a time.

    A target that nobody owns, because it is new or of before there were owners, becomes this
    warehouse's. An older one is brought to this version in the same transaction. A warehouse that
    has moved stays the owner; a copy of one that is still there is another.

    Raises:
        TransientError: a fault that may pass; nothing has changed.
        UserError: it belongs to another warehouse, or newer code has written it; nothing has
            changed.
    """
    with target.connect() as postgres:
        owner = _locked_owner(postgres)
        if owner is not None and not _is_of(owner, warehouse, target):
            raise UserError(
                f"{target.shown_as} belongs to {owner}. Nothing was changed. Set another "
                "ADTECH_TARGET_DATABASE_URL; or, if it is to be this data folder's from now on: "
                f"{TAKE_OVER}"
            )
        _own(postgres, target, warehouse, owner)
        yield postgres


def _is_of(owner: Owner, warehouse: Identity, target: Postgres) -> bool:
    """Whether the owner is this warehouse, and not one that this is a copy of."""
    if owner.warehouse_id != warehouse.id:
        return False
    if target.is_embedded:  # and was copied with it
        return True
    (path, host), (own_path, own_host) = identity.place(owner.at), identity.place(warehouse.at)
    if host != own_host or path == own_path or not path.exists() or path.samefile(own_path):
        return True
    return identity.kept_id(path) != warehouse.id


def owner_of(target: Postgres) -> Owner | None:
    """The warehouse that a target belongs to, if any."""
    with target.connect(read_only=True) as postgres:
        return _owner(postgres)


def take_over(target: Postgres, warehouse: Identity) -> None:
    """Make a target this warehouse's, whoever owns it.

    Raises:
        UserError: newer code has written it; nothing has changed.
    """
    with target.connect() as postgres:
        owner = _locked_owner(postgres)
        _own(postgres, target, warehouse, owner)


def _locked_owner(postgres: psycopg.Connection) -> Owner | None:
    postgres.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    return _owner(postgres)


def _owner(postgres: psycopg.Connection) -> Owner | None:
    [(there,)] = postgres.execute("SELECT to_regclass('public.target_owner')").fetchall()
    if there is None:
        return None
    row = postgres.execute(
        "SELECT warehouse_id, warehouse_at, owned_since, schema_version FROM public.target_owner"
    ).fetchone()
    return None if row is None else Owner(*row)


def _own(
    postgres: psycopg.Connection,
    target: Postgres,
    warehouse: Identity,
    owner: Owner | None,
) -> None:
    """Bring the target to this version, and note whose it is; mostly there is nothing to do."""
    known, version = len(identity.TARGET_MIGRATIONS), owner.schema_version if owner else 0
    identity.refuse_newer(target.shown_as, version, known)
    for migration in identity.TARGET_MIGRATIONS[version:]:
        postgres.execute(migration.encode())
    if owner and (owner.warehouse_id, owner.at, version) == (warehouse.id, warehouse.at, known):
        return
    # IF NOT EXISTS would ask for a privilege even where it is there.
    if postgres.execute("SELECT to_regclass('public.target_owner')").fetchone() == (None,):
        postgres.execute(_TABLE)
    is_same = owner is not None and owner.warehouse_id == warehouse.id
    since = owner.since if owner and is_same else datetime.now(UTC).replace(tzinfo=None)
    postgres.execute("DELETE FROM public.target_owner")
    postgres.execute(
        "INSERT INTO public.target_owner VALUES (%s, %s, %s, %s)",
        [warehouse.id, warehouse.at, since, known],
    )
