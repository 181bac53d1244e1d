"""Positions in the feed: what is missing between the loaded files, and what two of them repeat.

A name in full form says which offsets of which partition of the feed its file holds. Each event has
the next offset, so what no file has delivered shows as a gap, even if nobody ever saw the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    import duckdb

    from adtech_assets.contract import Kind
    from adtech_assets.partitions import DayRange

LARGEST_GAP_FILES = 1000
"""A leap over more than so many of the partition's largest files is no gap: these are six weeks of
hourly files, whose days would be missing altogether. The partition counts from a new start."""

# A partition that is made anew counts from a new start, mostly 0: an hour of which all offsets lie
# below all those of the hour before. (Within an hour the order of the files does not matter, nor
# that of the hour which clocks show twice.)
_GAPS = f"""
WITH files AS (
    SELECT
        *, max(last_offset - first_offset + 1) OVER (PARTITION BY feed_partition) AS largest
    FROM raw.log_files
    WHERE kind = $kind AND status = 'loaded' AND first_offset IS NOT NULL
),

hours AS (
    SELECT
        feed_partition, file_date, file_hour,
        max(last_offset) < lag(min(first_offset)) OVER (
            PARTITION BY feed_partition ORDER BY file_date, file_hour
        ) AS starts_anew
    FROM files
    GROUP BY feed_partition, file_date, file_hour
),

numberings AS (
    SELECT
        feed_partition, file_date, file_hour,
        count(*) FILTER (starts_anew) OVER (
            PARTITION BY feed_partition ORDER BY file_date, file_hour
        ) AS numbering
    FROM hours
),

neighbours AS (
    SELECT
        feed_partition, file_date, file_name, first_offset, largest,
        max(last_offset) OVER before AS last_before,
        arg_max(file_name, last_offset) OVER before AS name_before,
        arg_max(file_date, last_offset) OVER before AS date_before
    FROM files
    INNER JOIN numberings USING (feed_partition, file_date, file_hour)
    WINDOW before AS (
        PARTITION BY feed_partition, numbering ORDER BY first_offset, last_offset
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
)

SELECT
    file_date, feed_partition, last_before + 1, first_offset - 1, name_before, file_name
FROM neighbours
WHERE first_offset > last_before + 1
    AND first_offset - last_before - 1 <= {LARGEST_GAP_FILES} * largest
    AND (file_date BETWEEN $first AND $last OR date_before BETWEEN $first AND $last)
ORDER BY feed_partition, first_offset
"""

_OVERLAPS = """
WITH neighbours AS (
    SELECT
        feed_partition, file_date, file_name, first_offset, last_offset,
        max(last_offset) OVER before AS last_before,
        arg_max(file_name, last_offset) OVER before AS name_before,
        arg_max(file_date, last_offset) OVER before AS date_before
    FROM raw.log_files
    WHERE kind = $kind AND status = 'loaded' AND first_offset IS NOT NULL
    WINDOW before AS (
        PARTITION BY feed_partition ORDER BY first_offset, last_offset
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
)

SELECT
    file_date, feed_partition, first_offset, least(last_offset, last_before),
    name_before, file_name
FROM neighbours
WHERE first_offset <= last_before
    AND (file_date BETWEEN $first AND $last OR date_before BETWEEN $first AND $last)
ORDER BY feed_partition, first_offset
"""


@dataclass(frozen=True)
class Stretch:
    """Offsets of a partition of the feed, both ends included, that are missing or there twice."""

    day: date
    """Of the second file."""
    partition: int
    first: int
    last: int
    file: str
    next_file: str

    @property
    def events(self) -> int:
        """How many events these offsets stand for."""
        return self.last - self.first + 1

    def __str__(self) -> str:
        """Day, partition, offsets and files in a line."""
        return (
            f"{self.day} partition {self.partition}: offsets {self.first} to {self.last} "
            f"({self.events:,} events), files {self.file} and {self.next_file}"
        )


def gaps(warehouse: duckdb.DuckDBPyConnection, kind: Kind, days: DayRange) -> list[Stretch]:
    """Offsets that no loaded file has delivered, between two files of which one is of the days."""
    return _ask(warehouse, _GAPS, kind, days)


def overlaps(warehouse: duckdb.DuckDBPyConnection, kind: Kind, days: DayRange) -> list[Stretch]:
    """Offsets that two loaded files, of which one is of the days, have both delivered."""
    return _ask(warehouse, _OVERLAPS, kind, days)


def _ask(
    warehouse: duckdb.DuckDBPyConnection, query: str, kind: Kind, days: DayRange
) -> list[Stretch]:
    parameters = {"kind": kind, "first": days.first, "last": days.last}
    return [Stretch(*row) for row in warehouse.execute(query, parameters).fetchall()]
