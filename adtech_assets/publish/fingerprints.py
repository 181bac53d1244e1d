"""Fingerprints of a mart's days: what tells whether a day is published as it is now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adtech_assets.publish.marts import DAY_COLUMN, is_dated, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import duckdb


@dataclass(frozen=True)
class DayRows:
    """The rows of a day."""

    rows: int
    fingerprint: str
    """Equal for equal rows, in any order."""


def by_day(
    connection: duckdb.DuckDBPyConnection, query: str, columns: Mapping[str, str]
) -> dict[date | None, DayRows]:
    """The rows of a query by `event_date`; all under None, where they are of no day.

    Count, exact sum and exclusive or of 64-bit hashes of whole rows: a change goes unseen once in
    2^64 at the most. 1 million rows of 11 columns take 0.05 s. Another version of DuckDB may hash
    in another way, which makes every day look changed, once.
    """
    day = quoted(DAY_COLUMN) if is_dated(columns) else "NULL::DATE"
    found = connection.execute(
        f"""
        SELECT day, count(*), sum(hashed)::VARCHAR, bit_xor(hashed)::VARCHAR
        FROM (SELECT {day} AS day, hash({", ".join(map(quoted, columns))}) AS hashed FROM ({query}))
        GROUP BY day
        """
    ).fetchall()
    return {day: DayRows(rows, f"{total} {parity}") for day, rows, total, parity in found}
