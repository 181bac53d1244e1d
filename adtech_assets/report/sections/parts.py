"""What sections are made of: tables, charts, and the sentence in place of both."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from adtech_assets.report import text
from adtech_assets.report.svg import share, tag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from markupsafe import Markup

    from adtech_assets.report.svg import Picture


Look = Literal["good", "warn", "bad", "none"]

Kind = Literal["", "number", "bar", "whole", "text", "nowrap"]
R = TypeVar("R")

MARKS: dict[Look, str] = {"good": "✓", "warn": "!", "bad": "✕", "none": text.NOTHING}


@dataclass(frozen=True)
class TableColumn(Generic[R]):
    """A column of a table: its head, its cell in each row, and how its cells look."""

    name: str
    cell: Callable[[R], object]
    kind: Kind = ""


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
class Table(Generic[R]):
    """A table: what it is, its columns, and what its rows are made of.

    The first cell of each row is its head.
    """

    caption: str
    columns: Sequence[TableColumn[R]]
    rows: Sequence[R]
    summary: str = ""
    """What to click on, where it is collapsed."""


Fact = tuple[object, object]


def facts(caption: str, told: str, rows: Sequence[Fact], kind: Kind) -> Table[Fact]:
    """A table of things, and what there is to tell of each."""
    return Table(
        caption,
        (TableColumn("What", itemgetter(0)), TableColumn(told, itemgetter(1), kind)),
        rows,
    )


@dataclass(frozen=True)
class Section:
    """A part of the page: its content, or the sentence that says why there is none."""

    missing: str = ""
    intro: str = ""
    note: str = ""
    chart: Picture | None = None
    table: Table[Any] | None = None


def unpublished(*marts: str) -> str:
    """Said in place of what a mart would show."""
    names = text.listed([f"marts.{mart}" for mart in marts])
    return f"Not shown: {names} {'has' if len(marts) == 1 else 'have'} not been published yet."


def missing(rows: Sequence[object] | None, mart: str, what: str) -> str:
    """Said in place of what a mart would show, if it is not published or has nothing to show."""
    if rows is None:
        return unpublished(mart)
    return "" if rows else f"Nothing to show: marts.{mart} is published, but has no {what}."


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
