"""Log files that are gone for good, and a person's word that this is accepted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from adtech_assets.audit import inventory
from adtech_assets.errors import UserError
from adtech_assets.feed.ledger import Ledger
from adtech_assets.load import audited_load
from adtech_assets.partitions import DayRange
from adtech_assets.stores import identity, ownership
from adtech_assets.stores.postgres import Postgres
from adtech_assets.stores.warehouse import Warehouse

if TYPE_CHECKING:
    from datetime import date

    from adtech_assets.settings import Settings


@dataclass(frozen=True)
class Loss:
    """What is missing of a day."""

    day: date
    loaded_files: int
    """From which `csv_data_task` was loaded, as `load_audit` says."""
    known_files: int
    """That the warehouse counts."""
    lost_originals: dict[int, str]
    """Names by file id: their events are counted, but the files are not in the archive."""

    @property
    def uncounted(self) -> bool:
        """Whether the day cannot be loaded as it was."""
        return self.known_files < self.loaded_files

    def __str__(self) -> str:
        """What is gone, and what accepting it means."""
        told = []
        if self.uncounted:
            told.append(
                f"{self.day} was loaded from {self.loaded_files} files, of which the warehouse "
                f"knows {self.known_files}. Once accepted, the next load of the day replaces its "
                "counts by theirs."
            )
        if self.lost_originals:
            told.append(
                f"{len(self.lost_originals)} counted files of {self.day} are not in the archive: "
                f"{', '.join(self.lost_originals.values())}. Their events stay counted, but cannot "
                "come back after a loss of the warehouse."
            )
        return "\n".join(told)


def find(settings: Settings, day: date) -> Loss:
    """Compare what was loaded of a day, what the warehouse knows, and what the archive has.

    Raises:
        UserError: nothing of the day is missing.
        TransientError: a store is in use or unreachable.
    """
    days = DayRange(day, day)
    with Postgres.of(settings, "target").connect(read_only=True) as target:
        loaded = audited_load.audits(target, days).get(day)
    with Warehouse.of(settings).connect() as warehouse:
        Ledger.create(warehouse, settings.feed)
        known = Ledger(warehouse).day_files(days).get(day)
        lost = inventory.lost_originals(warehouse, settings, days)
    loss = Loss(
        day,
        loaded.file_count if loaded else 0,
        known.files if known else 0,
        {file.file_id: file.name for file in lost if file.file_id is not None},
    )
    if not str(loss):
        raise UserError(f"Nothing of {day} is missing, so there is nothing to accept.")
    return loss


def accept(settings: Settings, loss: Loss) -> None:
    """Miss these files no more: forget how many there were, and that they were to be kept."""
    with Warehouse.of(settings).connect() as warehouse:
        if loss.uncounted:
            target = Postgres.of(settings, "target")
            with ownership.writing(target, identity.of(warehouse)) as postgres:
                audited_load.forget(postgres, loss.day)
        Ledger(warehouse).mark_deleted(
            list(loss.lost_originals), datetime.now(UTC).replace(tzinfo=None)
        )
