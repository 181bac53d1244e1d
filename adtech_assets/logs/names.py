"""What a log file's name says: kind, date, hour, and which offsets of the feed it holds."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from adtech_assets.logs.refusals import Refusal

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

Kind = Literal["impressions", "clicks"]
KINDS: tuple[Kind, ...] = get_args(Kind)

LAST_HOUR = 23

MOST_DAYS_AHEAD = 7
"""A file of a day to come, so far ahead at most, waits for it: a clock or time zone is behind."""

HOURS_REMEMBERED = 2**14
"""Nearly two years. Were it fewer than the landing folder has, hardly any would be found again."""

_OFFSETS = r"_([0-9]{1,18})-([0-9]{1,18})_([0-9]{1,9})\.parquet\Z"
# Nearly all names have their offsets behind the first timestamp: one search finds both.
_TIMESTAMP = re.compile(rf"_([0-9]{{10}})[0-9]*(?:{_OFFSETS})?")
_LATER_OFFSETS = re.compile(rf"_[0-9]{{10,}}{_OFFSETS}")


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


def kind_of(name: str) -> Kind | None:
    """Kind of a log file; None for everything that is none, hidden and unfinished files included.

    Matches `impressions*.parquet` and `clicks*.parquet` as written, so `.PARQUET` is no log file.
    """
    if not name.endswith(".parquet"):
        return None
    if name.startswith("impressions"):
        return "impressions"
    return "clicks" if name.startswith("clicks") else None


def parse(name: str, last_day: date) -> LogFileName:
    """Read the base name of a log file, `(impressions|clicks)..._YYYYMMDDHH....parquet`.

    Date and hour are the first `_` followed by ten digits, in the feed's local time. The full form,
    `..._YYYYMMDDHHMMSSmmm_<first>-<last>_<partition>.parquet`, also gives the offsets.

    Args:
        name: a name for which `kind_of` knows the kind.
        last_day: the day it is now.

    Raises:
        Refusal: no date, no such date, no such hour, a date too far in the future, or offsets that
            run backwards.
    """
    kind = kind_of(name)
    if kind is None:
        raise ValueError(f"not a log file: {name!r}")
    day, hour, offsets = _read(name, last_day)
    return LogFileName(kind, day, hour, Offsets(*map(int, offsets)) if offsets else None)


def day_of(name: str, last_day: date) -> date:
    """The day of a name that `parse` takes, in half of its time, for who looks at 100,000 of them.

    Raises:
        Refusal: `parse` refuses the name.
    """
    return _read(name, last_day)[0]


def _read(name: str, last_day: date) -> tuple[date, int, list[str]]:
    """Day, hour, and the digits of the offsets: first, last and partition, or none."""
    timestamp = _TIMESTAMP.search(name)
    if timestamp is None:
        raise Refusal("no_date", "the name has no _YYYYMMDDHH")
    stamp, *offsets = timestamp.groups()
    day, hour = _day_and_hour(stamp)
    if (day - last_day).days > MOST_DAYS_AHEAD:
        raise Refusal(
            "future_date", f"{day} is more than {MOST_DAYS_AHEAD} days after today, {last_day}"
        )
    if offsets[0] is None:
        later = _LATER_OFFSETS.search(name)
        offsets = list(later.groups()) if later else []
    if offsets and int(offsets[0]) > int(offsets[1]):
        first, last = map(int, offsets[:2])
        raise Refusal("impossible_offsets", f"offsets run from {first} to {last}")
    return day, hour, offsets


@lru_cache(HOURS_REMEMBERED)  # files come by the hour
def _day_and_hour(stamp: str) -> tuple[date, int]:
    try:
        day = date(int(stamp[:4]), int(stamp[4:6]), int(stamp[6:8]))
    except ValueError:
        raise Refusal("impossible_date", f"there is no day {stamp[:8]}") from None
    hour = int(stamp[8:])
    if hour > LAST_HOUR:
        raise Refusal("impossible_hour", f"there is no hour {hour}")
    return day, hour
