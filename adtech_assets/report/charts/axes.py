"""What charts have in common: days across, scales upwards, names at the left."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from adtech_assets.report import text
from adtech_assets.report.svg import (
    group,
    rect,
    rule,
    tag,
    upright,
)
from adtech_assets.report.svg import text as label

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from markupsafe import Markup

    from adtech_assets.report.statistics import Period


GUTTER = 44

AXIS_HEIGHT = 26

PANEL_HEAD = 24

WIDEST_BAR = 0.06

NAME_LETTERS = 34


@dataclass(frozen=True)
class Axis:
    """Days across the width, each with a slot of its own, whether there is data or not."""

    first: date
    last: date

    @classmethod
    def of(cls, days: Sequence[date]) -> Axis:
        """From the first to the last of some days."""
        return cls(min(days), max(days))

    @property
    def length(self) -> int:
        """Number of days."""
        return (self.last - self.first).days + 1

    def middle(self, day: date) -> float:
        """Where a day is, as a part of the width."""
        return ((day - self.first).days + 0.5) / self.length

    def bar(self, day: date) -> tuple[float, float]:
        """Left edge and width of a day's bar."""
        width = min(0.76 / self.length, WIDEST_BAR)
        return self.middle(day) - width / 2, width

    def labels(self, y: float, so_far: Collection[date] = ()) -> Markup:
        """The axis itself: at most five days, three of them on a narrow screen.

        Days that are `so_far` and named are marked with an ellipsis: they go on.
        """
        every = max(1, math.ceil((self.length - 1) / 4))
        shown = list(range(self.length - 1, -1, -every))[::-1]
        marks = []
        for number, at in enumerate(shown):
            day = self.first + timedelta(at)
            x = self.middle(day)
            is_extra = len(shown) > 3 and number % 2 != (len(shown) - 1) % 2  # noqa: PLR2004
            class_ = "axis wide" if is_extra else "axis"
            marks += [
                upright(x, y, y + 4, "tick"),
                label(
                    x,
                    y + 17,
                    text.short_day(day) + (text.ELLIPSIS if day in so_far else ""),
                    class_,
                    text_anchor="middle",
                ),
            ]
        return group(marks)

    def span(self, period: Period, y: float, height: float, class_: str) -> Markup:
        """The background of some of the days."""
        first, last = max(period.first, self.first), min(period.last, self.last)
        if first > last:
            return group([])
        left = (first - self.first).days / self.length
        return rect(left, y, ((last - first).days + 1) / self.length, height, class_)


def nice_top(highest: float) -> float:
    """The round number above, of 1, 1.5, 2, 3, 4, 5, 8 times a power of ten; 0 above 0."""
    if highest <= 0:
        return 0
    power = 10.0 ** math.floor(math.log10(highest))
    steps = (1, 1.5, 2, 3, 4, 5, 8, 10)
    return next(step * power for step in steps if step * power >= highest * (1 - 1e-9))


def scale(top: float, y: float, height: float, shown: Callable[[float], str]) -> Markup:
    """Lines at nothing, half and top, and what they are."""
    marks = []
    for part in (0.0, 0.5, 1.0) if top else (0.0,):
        at = y + height * (1 - part)
        marks += [
            rule(at, "base" if part == 0 else "grid"),
            tag("text", shown(top * part), x=-8, y=at + 4, class_="axis", text_anchor="end"),
        ]
    return group(marks)


@dataclass(frozen=True)
class DayValue:
    """A number of a day, as a bar."""

    day: date
    value: float
    shown: str
    is_so_far: bool = False

    @property
    def hint(self) -> str:
        """Day and number in words."""
        return f"{text.long_day(self.day, is_so_far=self.is_so_far)}: {self.shown}"


def bars(axis: Axis, values: Sequence[DayValue], y: float, height: float, class_: str) -> Markup:
    """A bar a day, from a scale of its own; pale, while the day goes on."""
    top = nice_top(max((value.value for value in values), default=0))
    marks = [scale(top, y, height, text.short)]
    for value in values:
        x, width = axis.bar(value.day)
        size = height * value.value / top if top else 0
        look = f"{class_} so-far" if value.is_so_far else class_
        marks.append(rect(x, y + height - size, width, size, look, value.hint))
    return group(marks)


def head_line(y: float, title: str) -> Markup:
    """The title of a panel, above it."""
    return tag("text", title, x=-GUTTER, y=y + 12, class_="panel")


def named(said: str, y: float, letters: int = NAME_LETTERS) -> Markup:
    """A name at the left, cut; in full as a hint. Isolated, as it may run from right to left."""
    shown = f"\N{FIRST STRONG ISOLATE}{text.cut(said, letters)}\N{POP DIRECTIONAL ISOLATE}"
    return tag("text", shown, tag("title", said), x=0, y=y, class_="name")
