"""What sections are made of: tables, charts, and the sentence in place of both."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from adtech_assets.report import text
from adtech_assets.report.svg import share, tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from markupsafe import Markup

    from adtech_assets.report.svg import Picture


Look = Literal["good", "warn", "bad", "none"]

MARKS: dict[Look, str] = {"good": "✓", "warn": "!", "bad": "✕", "none": text.NOTHING}


@dataclass(frozen=True)
class TableColumn:
    """A column of a table: its head, and how its cells look."""

    name: str
    kind: Literal["", "number", "bar", "whole", "text", "nowrap"] = ""


@dataclass(frozen=True)
class Bar:
    """A cell with a bar in it."""

    part: float

    @property
    def width(self) -> str:
        """Of the bar, in its cell."""
        return share(min(self.part, 1.0))

    @property
    def text(self) -> str:
        """The number itself."""
        return text.percent(self.part)


@dataclass(frozen=True)
class Table:
    """A table: what it is, and its rows; the first cell of each is its head."""

    caption: str
    columns: Sequence[TableColumn]
    rows: Sequence[Sequence[object]]
    summary: str = ""
    """What to click on, where it is collapsed."""


@dataclass(frozen=True)
class Section:
    """A part of the page: its content, or the sentence that says why there is none."""

    missing: str = ""
    intro: str = ""
    note: str = ""
    chart: Picture | None = None
    table: Table | None = None


def unpublished(*marts: str) -> str:
    """Said in place of what a mart would show."""
    names = text.listed([f"marts.{mart}" for mart in marts])
    return f"Not shown: {names} {'has' if len(marts) == 1 else 'have'} not been published yet."


def empty(mart: str, what: str) -> str:
    """Said in place of what an empty mart would show."""
    return f"Nothing to show: marts.{mart} is published, but has no {what}."


def marked(look: Look, said: str) -> Markup:
    """A word behind a sign."""
    mark = tag("span", MARKS[look], class_=f"mark {look}", aria_hidden="true")
    return mark + " " + said


def isolated(name: str) -> Markup:
    """A name that may run from right to left, and must not turn around what is beside it."""
    return tag("bdi", name)


def total_of(amounts: Iterable[Decimal | None]) -> Decimal:
    """The sum of what is known."""
    return sum((amount for amount in amounts if amount is not None), start=Decimal(0))
