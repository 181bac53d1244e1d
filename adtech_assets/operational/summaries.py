"""What the source itself says of its rows: how many there are, and whether they are the same.

Days of which nothing has changed need not be sent, and what is sent can be counted twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from adtech_assets.versions import Day

if TYPE_CHECKING:
    from adtech_assets.operational.snapshot import Source
    from adtech_assets.partitions import DayRange
    from adtech_assets.stores.postgres import Snapshot

DIGESTED_ROWS = 100_000
"""Rows of more are not digested: it takes the source 0.5 µs a row, and to send one no longer."""

# Neither Python nor most readers of a CSV know dates outside the years 1 to 9999, and an open end
# that Postgres calls `infinity` reaches us as a day before Christ. They are unset: NULL.
UNDATED = "(created_at IS NULL OR created_at < '0001-01-01' OR created_at >= '10000-01-01')"
"""Condition in the source: the event is of no day that could ever be loaded."""


class Summary(NamedTuple):
    """Some rows of a source table."""

    rows: int
    digest: str | None
    """Equal for equal rows of the same types, in any order; None where there are too many."""


NO_ROWS = Summary(0, None)

Summaries = dict[Day, Summary]
"""By day. None: rows of no day, or a whole table."""


def of_table(snapshot: Snapshot, source: Source) -> Summaries:
    """A whole table."""
    return _asked(snapshot, _digested(source, "(VALUES (NULL))", "true"))


def of_days(snapshot: Snapshot, source: Source, days: DayRange) -> Summaries:
    """The events of each day, and the undated ones.

    By the index, a day at a time, 3 million events are counted in 0.2 s; in one pass over the table
    in 0.6 s. Where there is no index each day would be such a pass, so that then there is one,
    without digests, and days without events are missing.
    """
    if not _has_index(snapshot, source):
        return _asked(
            snapshot,
            f"""
            SELECT created_at::date, count(*), NULL FROM {source.relation}
            WHERE created_at >= '{days.first}' AND created_at < '{days.end}' GROUP BY 1
            """,
        )
    each = f"generate_series(timestamp '{days.first}', '{days.last}', interval '1 day')"
    of_day = "created_at >= day AND created_at < day + interval '1 day'"
    dated = _digested(source, each, of_day)
    undated = _digested(source, "(VALUES (NULL))", UNDATED)
    return _asked(snapshot, f"{dated} UNION ALL {undated}")


def _digested(source: Source, days: str, condition: str) -> str:
    """Rows are digested as text, which is 64 bits of each; the sum knows no order."""
    columns = ", ".join(_text(name) for name in source.names.values())
    return f"""
        SELECT day::date, counted.rows, CASE WHEN counted.rows <= {DIGESTED_ROWS} THEN concat_ws(
            ' ',
            counted.rows,
            (
                SELECT sum(hashtextextended(ROW({source.columns_sql()})::text COLLATE "C", 0))
                FROM {source.relation} WHERE {condition}
            ),
            (
                SELECT array_agg(atttypid ORDER BY attname) FROM pg_attribute
                WHERE attrelid = {_text(source.table)}::regclass AND attname IN ({columns})
            )
        ) END
        FROM {days} AS days (day) CROSS JOIN LATERAL (
            SELECT count(*) AS rows FROM {source.relation} WHERE {condition}
        ) AS counted
        """


def _asked(snapshot: Snapshot, query: str) -> Summaries:
    return {day: Summary(rows, digest) for day, rows, digest in snapshot.rows(query)}


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _has_index(snapshot: Snapshot, source: Source) -> bool:
    [(number,)] = snapshot.rows(
        f"""
        SELECT count(*) FROM pg_index INNER JOIN pg_attribute
        ON attrelid = indrelid AND attnum = indkey[0]
        WHERE indrelid = {_text(source.table)}::regclass
        AND attname = {_text(source.names["created_at"])}
        AND indisvalid AND indpred IS NULL
        """
    )
    return bool(number)
