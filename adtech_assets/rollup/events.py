"""Single events leave the raw tables once they are counted, and return to be counted again."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from adtech_assets.contract import KINDS
from adtech_assets.feed.ingest import Ingest
from adtech_assets.feed.ledger import Ledger
from adtech_assets.partitions import DayRange, today
from adtech_assets.stores.warehouse import transaction

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

    import duckdb

    from adtech_assets.settings import Settings

logger = logging.getLogger(__name__)


def let_go(
    connection: duckdb.DuckDBPyConnection, settings: Settings, counted: Collection[date]
) -> set[date]:
    """Delete the single events of days that are older than `raw_event_days`.

    Args:
        connection: to the warehouse.
        settings: `raw_event_days`; with 0 nothing is deleted.
        counted: days of which everything is counted that is counted of single events.

    Returns:
        The days whose events have left now.
    """
    if not settings.raw_event_days:
        return set()
    before = today(settings.zone) - timedelta(settings.raw_event_days)
    with transaction(connection):
        return Ledger(connection).let_go(before, counted)


def bring_back(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    days: Collection[date],
    run_id: str,
) -> bool:
    """Read the files of days again whose events are not in the raw tables; whether there were any.

    Files that are neither in the landing folder nor in the archive stay as they are: whoever counts
    finds that their events are missing.
    """
    rows = Ledger(connection).not_kept(days)
    for kind in KINDS:
        of_kind = [row for row in rows if row.kind == kind]
        if of_kind:
            of_days = [row.file_date for row in of_kind if row.file_date is not None]
            within = DayRange(min(of_days), max(of_days))
            gone = Ingest(connection, settings, kind, within, run_id).read_again(of_kind)
            logger.info(
                "%s %s files read again, for their days are counted anew",
                f"{len(of_kind) - len(gone):,}",
                kind,
            )
    return bool(rows)
