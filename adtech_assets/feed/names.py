"""What a log file's name says: kind, date, hour, and which offsets of the feed it holds.

A name is the path below the landing folder, with `/` between its parts.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, cast

from adtech_assets.feed.rejections import Rejection

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from adtech_assets.contract import Feed, Kind

LAST_HOUR = 23

MOST_DAYS_AHEAD = 7
"""A file of a day to come, so far ahead at most, waits for it: a clock or time zone is behind."""

MOST_OFFSET = 2**63 - 1
MOST_PARTITION = 2**31 - 1

HOURS_REMEMBERED = 2**14
"""Nearly two years. Were it fewer than the landing folder has, hardly any would be found again."""


class Offsets(NamedTuple):
    """Positions in the feed, both included, of one of its partitions."""

    first: int
    last: int
    partition: int

    @property
    def rows(self) -> int:
        """How many events a complete file holds."""
        return self.last - self.first + 1


class LogFileName(NamedTuple):
    """A name that says which hour its events count for."""

    kind: Kind
    day: date
    hour: int
    offsets: Offsets | None = None

    def utc_bounds(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """First instant of the hour and of the next one, in UTC.

        An hour that the clock shows twice in autumn has 120 minutes, as its files do.
        """
        start = datetime(self.day.year, self.day.month, self.day.day, self.hour, tzinfo=zone)
        last = start.replace(fold=1).astimezone(UTC)
        return start.astimezone(UTC), last + timedelta(hours=1)


def kind_of(feed: Feed, name: str) -> Kind | None:
    """Kind of a log file; None for everything that is none, hidden and unfinished files included.

    Patterns match as written, so of the sample feed `.PARQUET` is no log file. A file that both
    kinds' patterns match is an impression file.
    """
    found = feed.kind_pattern.fullmatch(name)
    return cast("Kind", found.lastgroup) if found else None


def parse(feed: Feed, name: str, last_day: date) -> LogFileName:
    """Read the name of a log file.

    Date and hour are the first match of the feed's pattern, in its local time.

    Args:
        feed: whose patterns are looked for.
        name: a name for which `kind_of` knows the kind.
        last_day: the day it is now.

    Raises:
        Rejection: no date, no such date, no such hour, a date too far in the future, or offsets
            that run backwards.
    """
    kind = kind_of(feed, name)
    if kind is None:
        raise ValueError(f"not a log file: {name!r}")
    day, hour = _day_and_hour(feed, name, last_day)
    return LogFileName(kind, day, hour, _offsets(feed, name))


def day_of(feed: Feed, name: str, last_day: date) -> date:
    """The day of a name, in half the time of `parse`, for who looks at 100,000 of them.

    Raises:
        Rejection: as `parse`, but for offsets, which its day's run is to judge.
    """
    day, _ = _day_and_hour(feed, name, last_day)
    return day


def _day_and_hour(feed: Feed, name: str, last_day: date) -> tuple[date, int]:
    found = feed.hour_pattern.search(name)
    if found is None:
        raise Rejection("no_date", "the name has no date and hour where the feed has them")
    day, hour = _calendar(*found.group("year", "month", "day", "hour"))
    if (day - last_day).days > MOST_DAYS_AHEAD:
        raise Rejection(
            "future_date", f"{day} is more than {MOST_DAYS_AHEAD} days after today, {last_day}"
        )
    return day, hour


@lru_cache(HOURS_REMEMBERED)  # files come by the hour
def _calendar(year: str, month: str, day: str, hour: str) -> tuple[date, int]:
    try:
        found = date(int(year), int(month), int(day))
    except (ValueError, TypeError):
        raise Rejection("impossible_date", f"there is no day {year}{month}{day}") from None
    try:
        number = int(hour)
    except (ValueError, TypeError):
        number = -1
    if not 0 <= number <= LAST_HOUR:
        raise Rejection("impossible_hour", f"there is no hour {hour}")
    return found, number


def _offsets(feed: Feed, name: str) -> Offsets | None:
    found = feed.offsets_pattern and feed.offsets_pattern.search(name)
    if not found:
        return None
    try:
        first, last, *rest = map(int, found.group(*feed.offset_groups))
    except (ValueError, TypeError):
        raise Rejection("impossible_offsets", "offsets must be numbers") from None
    partition = rest[0] if rest else 0
    if not 0 <= first <= last <= MOST_OFFSET or not 0 <= partition <= MOST_PARTITION:
        raise Rejection("impossible_offsets", f"offsets run from {first} to {last}")
    return Offsets(first, last, partition)
