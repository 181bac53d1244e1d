"""Calendar days, the unit in which everything is loaded and loaded again."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from adtech_assets.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from zoneinfo import ZoneInfo

    from adtech_assets.settings import Settings


@dataclass(frozen=True)
class DayRange:
    """Calendar days from `first` to `last`, both included."""

    first: date
    last: date

    @classmethod
    def parse(cls, first: str, last: str) -> DayRange:
        """Read two days written YYYY-MM-DD.

        Raises:
            UserError: not a date, or the last before the first.
        """
        days = cls(parse_day(first), parse_day(last))
        if days.last < days.first:
            raise UserError(
                f"The range is reversed: {first} is after {last}. Swap --from and --to."
            )
        return days

    def __iter__(self) -> Iterator[date]:
        """Each day in order."""
        return (self.first + timedelta(days=n) for n in range(len(self)))

    def __len__(self) -> int:
        """Number of days."""
        return (self.last - self.first).days + 1

    def __contains__(self, day: object) -> bool:
        """Whether a day lies in the range."""
        return isinstance(day, date) and self.first <= day <= self.last

    def __str__(self) -> str:
        """One day, or `first..last`."""
        return str(self.first) if self.first == self.last else f"{self.first}..{self.last}"

    @property
    def end(self) -> date:
        """The day after the last: where a half-open range ends."""
        return self.last + timedelta(days=1)


def contiguous(days: Iterable[date]) -> list[DayRange]:
    """Days as the fewest ranges that hold exactly them."""
    ranges: list[DayRange] = []
    for day in sorted(days):
        if ranges and day - ranges[-1].last == timedelta(1):
            ranges[-1] = DayRange(ranges[-1].first, day)
        else:
            ranges.append(DayRange(day, day))
    return ranges


def parse_day(text: str) -> date:
    """Read a day written YYYY-MM-DD.

    Raises:
        UserError: it is not one.
    """
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        raise UserError(
            f"{text!r} is not a day. Write it as YYYY-MM-DD, for example 2022-05-26."
        ) from None


def parse_month(text: str) -> DayRange:
    """Read a month written YYYY-MM: its days.

    Raises:
        UserError: it is not one.
    """
    try:
        first = datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        raise UserError(
            f"{text!r} is not a month. Write it as YYYY-MM, for example 2022-05."
        ) from None
    return DayRange(first, first.replace(day=monthrange(first.year, first.month)[1]))


def today(zone: ZoneInfo) -> date:
    """The day it is now where the feed comes from."""
    return datetime.now(zone).date()


def yesterday(zone: ZoneInfo) -> date:
    """The last full day where the feed comes from."""
    return today(zone) - timedelta(days=1)


def loadable_days(settings: Settings) -> DayRange:
    """All partitions: from the start date to today, whose hourly files already arrive."""
    return DayRange(settings.start_date, max(settings.start_date, today(settings.zone)))


def check_loadable(days: DayRange, settings: Settings) -> None:
    """Refuse days outside the partitions.

    Raises:
        UserError: some day lies before the start date or in the future.
    """
    every = loadable_days(settings)
    if days.first < every.first:
        raise UserError(
            f"{days.first} is before the first day, {every.first}. "
            f"Set ADTECH_START_DATE={days.first} to load it."
        )
    if days.last > every.last:
        raise UserError(f"{days.last} is in the future; the last day is {every.last}.")
