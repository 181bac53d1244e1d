"""Which versions the stores are of, and the way of all of them to this one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adtech_assets.stores import identity, ownership
from adtech_assets.stores.postgres import Postgres
from adtech_assets.stores.warehouse import Warehouse

if TYPE_CHECKING:
    from adtech_assets.settings import Settings


def versions(settings: Settings) -> dict[str, int | None]:
    """The schema version of each store, 0 of before there were any; None: there is nothing yet.

    Raises:
        TransientError: a store is in use or unreachable.
        UserError: newer code has written one; nothing has changed.
    """
    warehouse = Warehouse.of(settings)
    found: dict[str, int | None] = {"warehouse": None}
    if warehouse.path.exists():
        with warehouse.as_it_is() as connection:
            found["warehouse"] = identity.warehouse_version(connection)
    target = Postgres.of(settings, "target")
    owner = ownership.owner_of(target)
    found["target"] = None if owner is None else owner.schema_version
    known = (len(identity.WAREHOUSE_MIGRATIONS), len(identity.TARGET_MIGRATIONS))
    shown = (f"The warehouse {warehouse.path}", target.shown_as)
    for store, version, newest in zip(shown, found.values(), known, strict=True):
        identity.refuse_newer(store, version or 0, newest)
    return found


def migrate(settings: Settings) -> None:
    """Bring warehouse and target to this version, each in a transaction of its own.

    Raises:
        TransientError: a store is in use or unreachable.
        UserError: the target is another's; what belongs to this data folder is migrated.
    """
    with Warehouse.of(settings).connect() as connection:
        whose = identity.of(connection)
    with ownership.writing(Postgres.of(settings, "target"), whose):
        pass
