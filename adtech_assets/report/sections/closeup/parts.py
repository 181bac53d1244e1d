"""What the sections of a campaign's page are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adtech_assets.report import text
from adtech_assets.report.sections.parts import Section, Table, TableColumn, of

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_ROWS = 31
"""Of tables by day: they are two thirds of a page, and what they leave out is in their files."""


@dataclass(frozen=True, kw_only=True)
class Part(Section):
    """A section of a campaign's page."""

    key: str
    title: str
    tables: Sequence[Table[Any]] = ()
    is_broad: bool = False
    """It is as broad as the page, where there is room for two side by side."""


def day_column(*, so_far: bool = True) -> TableColumn[Any]:
    """The day; of one that goes on, that this is so."""
    return TableColumn(
        "Day",
        lambda day: text.day_so_far(day.event_date, is_so_far=so_far and day.is_so_far),
        of("event_date", "is_so_far") if so_far else of("event_date"),
        "nowrap",
    )


def count_column(name: str, field: str) -> TableColumn[Any]:
    """A count that may not be known."""
    return TableColumn(name, lambda row: text.known(getattr(row, field)), of(field), "number")


def money_column(name: str, field: str) -> TableColumn[Any]:
    """An amount."""
    return TableColumn(name, lambda row: text.money(getattr(row, field)), of(field), "number")


def share_column(name: str, field: str) -> TableColumn[Any]:
    """A share."""
    return TableColumn(
        name, lambda row: text.rough_percent(getattr(row, field)), of(field), "number"
    )


def measure_column(name: str, field: str, places: int) -> TableColumn[Any]:
    """A measure with so many decimals."""
    return TableColumn(
        name, lambda row: text.number(getattr(row, field), places), of(field), "number"
    )


def by_day(caption: str, columns: Sequence[TableColumn[Any]], days: Sequence[Any]) -> Table[Any]:
    """A collapsed table of days, which are ascending: a month is shown, its file has all."""
    newest_first = days[::-1]
    shown = newest_first[:MOST_ROWS]
    counted = text.counted(len(days), "day")
    lost = len(shown) < len(days)
    return Table(
        f"{caption} by day, newest first"
        + (f"; the {len(days) - len(shown)} days before are in its CSV" if lost else ""),
        columns,
        shown,
        summary=f"The numbers of {f'the last {len(shown)} of {counted}' if lost else counted}",
        every=newest_first,
    )
