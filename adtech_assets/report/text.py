"""How numbers, days and names read on the page and in pictures."""

from __future__ import annotations

import unicodedata
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

NOTHING = "\N{EN DASH}"
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
MINUS = "\N{MINUS SIGN}"

NO_IMPRESSIONS = "(clicks without impressions)"
"""Flag of a rate that there is none of: impressions are missing, or were counted the day before."""

SO_FAR = "so far"
SO_FAR_DRAWN = " Pale: a day that was not over when last read, with what it has so far."
"""Said of a chart in which there is such a day."""

# Not strftime: the page must not depend on the locale of the process.
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_WHOLE_PERCENT = 0.1
_INVISIBLE = ("Cc", "Cs", "Cn", "Zl", "Zp")
_WITHOUT_WIDTH = ("Mn", "Me", "Cf")
_DIRECTIONS = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_SKINS = frozenset("\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff")


def count(number: int) -> str:
    """A count in full: 12,345."""
    return f"{number:,}"


def known(number: int | None) -> str:
    """A count that may not be known."""
    return NOTHING if number is None else count(number)


def number(value: float | Decimal | None, places: int) -> str:
    """A measure with so many decimals."""
    return NOTHING if value is None else f"{value:,.{places}f}"


def short(number: float) -> str:
    """A round number for an axis: 950, 1.5k, 20k, 3M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(number) >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:.3g}"


def money(amount: Decimal | None) -> str:
    """An amount with two decimals; the data names no currency."""
    return NOTHING if amount is None else f"{amount:,.2f}"


def percent(share: float | None) -> str:
    """A share as people read it; a dash where there is none."""
    return NOTHING if share is None else f"{share:.2%}"


def rate(clicks: int, impressions: int) -> str:
    """A click-through rate; a dash without impressions, with a flag if there are clicks."""
    if not impressions:
        return f"{NOTHING} {NO_IMPRESSIONS}" if clicks else NOTHING
    return percent(min(clicks / impressions, 1.0))


def rough_percent(share: float | None) -> str:
    """A share where two decimals would pretend too much."""
    if share is None:
        return NOTHING
    return f"{share:.1%}" if 0 < abs(share) < _WHOLE_PERCENT else f"{share:,.0%}"


def signed_count(number: int) -> str:
    """A difference of counts: +1,200, -40."""
    return f"{number:+,}".replace("-", MINUS)


def signed_percent(share: float | None) -> str:
    """A difference: +1.2%, -0.4%."""
    return NOTHING if share is None else f"{share:+,.1%}".replace("-", MINUS)


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: 1 day, 2 days."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed(words: Sequence[str]) -> str:
    """Words as a list in a sentence: a, b and c."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def short_day(day: date) -> str:
    """A day on an axis: 5 Nov."""
    return f"{day.day} {MONTHS[day.month - 1]}"


def long_day(day: date, *, is_so_far: bool = False) -> str:
    """A day in a sentence: 5 Nov 2026; one that is still going on: 5 Nov 2026 so far."""
    return f"{short_day(day)} {day.year:04}{f' {SO_FAR}' if is_so_far else ''}"


def day_so_far(day: date, *, is_so_far: bool) -> str:
    """A day as data has it; of one that is still going on, that this is so."""
    return f"{day}, {SO_FAR}" if is_so_far else str(day)


def days(first: date, last: date) -> str:
    """Days from first to last: 5 Nov 2026; 5-11 Nov 2026; 29 Oct - 4 Nov 2026."""
    if first == last:
        return long_day(last)
    if first.year != last.year:
        return f"{long_day(first)} {NOTHING} {long_day(last)}"
    if first.month != last.month:
        return f"{short_day(first)} {NOTHING} {long_day(last)}"
    return f"{first.day}{NOTHING}{long_day(last)}"


def stretches(found: Sequence[date]) -> str:
    """Ascending days as stretches without a gap, for a sentence."""
    groups: list[list[date]] = []
    for day in found:
        if groups and day - groups[-1][-1] == timedelta(1):
            groups[-1].append(day)
        else:
            groups.append([day])
    return listed([days(group[0], group[-1]) for group in groups])


def moment(at: datetime) -> str:
    """A naive UTC time, to the minute."""
    return f"{long_day(at)}, {at:%H:%M} UTC"


def name(text: str | None) -> str:
    """A name as one line of printable text; `unnamed` where there is nothing to see.

    Control characters have no picture, and are not allowed in XML at all. What turns the direction
    of writing around would turn around what stands beside the name.
    """
    visible = "".join(
        " " if unicodedata.category(letter) in _INVISIBLE else letter
        for letter in text or ""
        if letter not in _DIRECTIONS
    )
    return " ".join(visible.split()) or "unnamed"


def cut(text: str, most: int) -> str:
    """At most so wide, ending in an ellipsis where something is left out.

    Chinese letters and emoji are as wide as two. Nothing is cut apart: a letter keeps its accents,
    an emoji its parts and its skin.
    """
    if sum(map(_width, text)) <= most:
        return text
    end, room = 0, most - 1
    while (room := room - _width(text[end])) >= 0:
        end += 1
    while end > 0 and _belongs_to_the_one_before(text, end):
        end -= 1
    return text[:end].rstrip() + ELLIPSIS


def _width(letter: str) -> int:
    if unicodedata.category(letter) in _WITHOUT_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def _belongs_to_the_one_before(text: str, at: int) -> bool:
    joiner = "\N{ZERO WIDTH JOINER}"
    return (
        unicodedata.category(text[at]).startswith("M")
        or joiner in text[at - 1 : at + 1]
        or text[at] in _SKINS
    )
