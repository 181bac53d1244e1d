"""A process that loads and counts days with Spark, and may be killed at a step.

python -m adtech_assets_tests.spark.run_of_days FIRST LAST [STEP]
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import date, datetime
from typing import TYPE_CHECKING

from adtech_assets.contract import KINDS
from adtech_assets.feed.ingest import Ingest
from adtech_assets.feed.ledger import Ledger
from adtech_assets.feed.raw_tables import RAW_TABLES
from adtech_assets.partitions import DayRange
from adtech_assets.rollup import facts, user_agents
from adtech_assets.rollup.spark import counting
from adtech_assets.settings import load_settings
from adtech_assets.stores.warehouse import Warehouse, transaction
from adtech_assets.versions import Input, Notes, Part, Parts

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb

    from adtech_assets.versions import Day

STEPS = {
    "promised": (Ledger, "record"),
    "verified": (counting, "_note_verified"),
    "answered": (counting, "_take"),
    "noted": (Notes, "note"),
}
"""What has just been done when the process is killed; the last is not committed yet."""


def main(first: str, last: str, step: str | None = None) -> None:
    """Load the files of days, and count what is stale."""
    settings = load_settings()
    days = DayRange(date.fromisoformat(first), date.fromisoformat(last))
    store = Warehouse.of(settings)
    if step == "promised":
        _kill_after(*STEPS[step])
    for kind in KINDS:
        with store.connect() as connection:
            Ingest(connection, settings, kind, days, f"run {os.getpid()}").run()
    if step is not None:
        _kill_after(*STEPS[step])
    run_id = f"run {os.getpid()}"
    counting.count(store, settings, stale(facts.ROLLUP), run_id)
    with store.connect() as connection, transaction(connection):
        now = datetime(2022, 6, 1)  # noqa: DTZ001 - naive UTC, as everywhere
        user_agents.classify_days(connection, days, now=now)
    counting.count(store, settings, stale(*facts.FOR_MODELS), run_id)


def stale(*group: facts.Facts) -> Callable[..., dict[facts.Facts, dict[Day, str | None]]]:
    """What says which days of facts are to be counted, and their versions."""
    raw = [Part(table, "day") for table in RAW_TABLES.values()]
    parts = [
        Part(each.table, "day", tuple(map(Input, each.raw_tables)), each.code) for each in group
    ]

    def ask(connection: duckdb.DuckDBPyConnection) -> dict[facts.Facts, dict[Day, str | None]]:
        known = Parts([*raw, *parts], Notes(connection).of)
        return {each: known.stale(each.table) for each in group}

    return ask


def _kill_after(owner: object, name: str) -> None:
    """Let the process end by -9 once a function has returned."""
    function = getattr(owner, name)

    def killed(*arguments: object, **named: object) -> None:
        function(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, killed)


if __name__ == "__main__":
    main(*sys.argv[1:])
