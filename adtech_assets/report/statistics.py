"""The arithmetic of the page: rates, their intervals, and changes against the period before.

Rates follow the rules of the marts: recomputed from sums, never averaged.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from math import sqrt

Z_95 = 1.959963984540054
"""Standard normal quantile of 97.5 %: leaves 2.5 % on either side."""

COMPARED_DAYS = 7
"""A week, so that both periods have the same weekdays."""


def ctr(clicks: int, impressions: int) -> float | None:
    """Clicks by impressions: at most 1, and none without impressions.

    The marts have 1 for clicks without impressions; a rate to look at would be of nothing.
    """
    return min(clicks / impressions, 1.0) if impressions else None


def wilson(clicks: int, impressions: int) -> tuple[float, float] | None:
    """The 95 % Wilson score interval of the click-through rate; none without impressions."""
    if not impressions:
        return None
    p, n, z2 = min(clicks, impressions) / impressions, impressions, Z_95**2
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    margin = Z_95 * sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(centre - margin, 0.0), min(centre + margin, 1.0)


def is_beyond_chance(clicks: tuple[int, int], impressions: tuple[int, int]) -> bool | None:
    """Whether two rates differ by more than chance explains (pooled z-test at 95 %).

    None where the test has no value.
    """
    if not all(impressions):
        return None
    rates = [min(c / i, 1.0) for c, i in zip(clicks, impressions, strict=True)]
    pooled = min(sum(clicks) / sum(impressions), 1.0)
    variance = pooled * (1 - pooled) * sum(1 / i for i in impressions)
    return None if variance == 0 else abs(rates[0] - rates[1]) / sqrt(variance) >= Z_95


@dataclass(frozen=True)
class Period:
    """Days from first to last, both included."""

    first: date
    last: date

    @property
    def length(self) -> int:
        """Number of days."""
        return (self.last - self.first).days + 1

    def __contains__(self, day: object) -> bool:
        """Whether a day is one of them."""
        return isinstance(day, date) and self.first <= day <= self.last


@dataclass(frozen=True)
class Comparison:
    """The period that the headline tells of, and the one of the same length before it."""

    now: Period
    before: Period | None
    """None: there is no earlier day."""


def last_days(last: date, most: int) -> Period:
    """So many days up to the last one, as far as the calendar goes back."""
    return Period(date.fromordinal(max(last.toordinal() - most + 1, 1)), last)


def period_before(period: Period) -> Period | None:
    """As many days, up to the one before; None where the calendar has no such days."""
    if period.first.toordinal() <= period.length:
        return None
    return Period(period.first - timedelta(period.length), period.first - timedelta(1))


def comparison(first: date, last: date) -> Comparison:
    """The last week against the week before; where there are no two weeks, half against half.

    Args:
        first: the first day there is.
        last: the last one that is over: hours are not compared with days.
    """
    known = (last - first).days + 1
    length = max(1, min(COMPARED_DAYS, known // 2))
    now = Period(last - timedelta(length - 1), last)
    if now.first == first:
        return Comparison(now, None)
    return Comparison(now, Period(now.first - timedelta(length), now.first - timedelta(1)))
