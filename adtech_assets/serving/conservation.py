"""Nothing lost, nothing twice: every count that must equal another one, day by day.

files in the ledger = files on disk
rows that the ledger promises = rows in the raw tables = sum of the roll-up over all agents
roll-up of the configured agent = CSV = csv_data_task
rows of the source = rows in the raw operational tables
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adtech_assets.logs import rollup
from adtech_assets.logs.ledger import Ledger
from adtech_assets.operational.snapshot import EVENT_TABLES, create_tables
from adtech_assets.serving import audited_load, daily_csv

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import date

    import duckdb
    import psycopg

    from adtech_assets.partitions import DayRange
    from adtech_assets.settings import Settings


@dataclass(frozen=True)
class Difference:
    """Two counts of a day that should be equal."""

    day: date
    table: str
    found: int
    reference: str
    expected: int

    def __str__(self) -> str:
        """Day, table and numbers in a line."""
        return f"{self.day}: {self.table} has {self.found}, {self.reference} {self.expected}"


_LOG_COUNTS = """
SELECT day, sum(ledger)::BIGINT, sum(raw)::BIGINT, sum(rollup)::BIGINT
FROM (
    SELECT file_date AS day, rows AS ledger, 0 AS raw, 0 AS rollup
    FROM raw.log_files WHERE kind = '{kind}' AND status = 'loaded'
    UNION ALL
    SELECT file_date, 0, count(*), 0 FROM {table} GROUP BY file_date
    UNION ALL
    SELECT event_date, 0, 0, sum({column})
    FROM rollup.hourly_user_agent_rollup GROUP BY event_date
) AS counts
WHERE day BETWEEN ? AND ?
GROUP BY day
ORDER BY day
"""

_SOURCE_COUNTS = """
SELECT source.event_date, source.{table}, count(copied.id)
FROM raw.extracted_days AS source
LEFT JOIN raw.{table} AS copied
    ON copied.created_at >= source.event_date
    AND copied.created_at < source.event_date + INTERVAL 1 DAY
WHERE source.event_date BETWEEN ? AND ?
GROUP BY ALL
ORDER BY ALL
"""


def log_differences(
    warehouse: duckdb.DuckDBPyConnection, days: DayRange, kinds: Mapping[str, tuple[str, str]]
) -> list[Difference]:
    """Ledger = raw table = roll-up, by day.

    Args:
        warehouse: a connection to it.
        days: the days to compare.
        kinds: by kind, its raw table and its column of the roll-up.
    """
    found = []
    for kind, (table, column) in kinds.items():
        query = _LOG_COUNTS.format(kind=kind, table=table, column=column)
        for day, ledger, raw, rolled_up in warehouse.execute(
            query, [days.first, days.last]
        ).fetchall():
            found += _unequal(day, (table, raw), ("raw.log_files", ledger))
            found += _unequal(
                day, (f"rollup.hourly_user_agent_rollup.{column}", rolled_up), (table, raw)
            )
    return found
