"""All that is counted of single events, as a run does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adtech_assets.rollup import counting, facts, user_agents
from adtech_assets.stores.warehouse import transaction

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date, datetime

    import duckdb


def count_events(
    warehouse: duckdb.DuckDBPyConnection, days: Collection[date], *, now: datetime
) -> None:
    """Count days with DuckDB, and classify the agents of the roll-up for what reads them."""
    warehouse.execute(user_agents.SCHEMA)
    facts.create(warehouse)
    with transaction(warehouse):
        for counted in facts.ALL:
            counting.rebuild(warehouse, counted, days)
            if counted is facts.ROLLUP:
                user_agents.classify_days(warehouse, days, now=now)
