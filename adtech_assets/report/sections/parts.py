"""What sections are made of: tables, charts, and the sentence in place of both."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from adtech_assets.report import text
from adtech_assets.report.spreadsheets import csv_link
from adtech_assets.report.svg import share, tag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from markupsafe import Markup

    from adtech_assets.report.published import Published
    from adtech_assets.report.statistics import Period
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
    raw: Mapping[str, Callable[[R], object]]
    """The same unrounded, for a file, by the names that the marts have."""
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
    every: Sequence[R] | None = None
    """All rows, where there are more than are shown; a file has them."""

    @property
    def file(self) -> str:
        """The address of its CSV file."""
        raw = {name: value for column in self.columns for name, value in column.raw.items()}
        return csv_link(raw, self.rows if self.every is None else self.every)


def of(*names: str) -> dict[str, Callable[[Any], object]]:
    """The raw values of a column that are fields of its rows."""
    return {name: attrgetter(name) for name in names}


@dataclass(frozen=True)
class Fact:
    """A thing, and what there is to tell of it."""

    what: str
    told: object
    value: object
    """The same unrounded."""


def facts(caption: str, told: str, rows: Sequence[Fact], kind: Kind) -> Table[Fact]:
    """A table of things, and what there is to tell of each."""
    return Table(
        caption,
        (
            TableColumn("What", attrgetter("what"), of("what")),
            TableColumn(told, attrgetter("told"), of("value"), kind),
        ),
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


def missing(published: Published, rows: Sequence[object] | None, mart: str, what: str) -> str:
    """Said in place of what a mart would show, if it is not published or has nothing to show."""
    if rows is None:
        return unpublished(mart)
    of_days = f" of {said(published.period)}" if published.period else ""
    return (
        "" if rows else f"Nothing to show: marts.{mart} is published, but has no {what}{of_days}."
    )


def no_campaigns(published: Published) -> str:
    """Said where there could be campaigns."""
    if published.period is None:
        return "There are no campaigns."
    return f"No campaign has a published day of {said(published.period)}."


def said(period: Period) -> str:
    """The days of a period, for a sentence."""
    return text.days(period.first, period.last)


def over(published: Published) -> str:
    """The days that sections without days of their own sum up, for a sentence."""
    return said(published.period) if published.period else "all published days"


def marked(look: Look, said: str) -> Markup:
    """A word behind a sign."""
    mark = tag("span", MARKS[look], class_=f"mark {look}", aria_hidden="true")
    return mark + " " + said


def isolated(name: str) -> Markup:
    """A name that may run from right to left, and must not turn around what is beside it."""
    return tag("bdi", name)


def page_key(campaign_id: int) -> str:
    """Where links to a campaign's page lead."""
    return f"campaign-{campaign_id}"


def campaign_name(published: Published, campaign_id: int, name: str | None) -> Markup:
    """A campaign's name, which leads to its page if it has one."""
    shown = isolated(text.name(name))
    if campaign_id not in published.closeups:
        return shown
    return tag("a", shown, href=f"#{page_key(campaign_id)}")


def total_of(amounts: Iterable[Decimal | None]) -> Decimal:
    """The sum of what is known."""
    return sum((amount for amount in amounts if amount is not None), start=Decimal(0))
