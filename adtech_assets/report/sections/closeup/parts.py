"""What the sections of a campaign's page are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adtech_assets.report import text
from adtech_assets.report.sections.parts import Section, Table, TableColumn, of

if TYPE_CHECKING:
    from collections.abc import Sequence


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
    """A collapsed table of days, which are ascending."""
    return Table(
        f"{caption} by day, newest first",
        columns,
        days[::-1],
        summary=f"The numbers of {text.counted(len(days), 'day')}",
    )
